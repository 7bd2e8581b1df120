package webhook

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// MaxConsoleSubject is the length of the longest subject of a session, in characters.
	MaxConsoleSubject = 128
	// maxConsolePath is the length of the longest path of a link.
	maxConsolePath = 2000
)

// ConsoleSessionSpec describes a session by link.
type ConsoleSessionSpec struct {
	OrganizationID string
	Scope          Scope // ScopeRead or ScopeReadWrite
	Subject        string
	Path           string
	// LinkLifetime is how long the link can be opened, and Lifetime how long the session lasts after that.
	LinkLifetime, Lifetime time.Duration
	// APIKeyID is the key that the session is bound to. It is empty for the operator's password.
	APIKeyID  string
	CreatedBy string
}

// ConsoleRoot is the path of the console, below which all its pages are.
const ConsoleRoot = "/console"

// ConsolePath returns the path that all pages of an organization in the console begin with.
func ConsolePath(organizationID string) string { return ConsoleRoot + "/o/" + organizationID + "/" }

// Check returns an error with everything that is wrong with the spec.
func (s ConsoleSessionSpec) Check() error {
	if err := CheckOrganizationID(s.OrganizationID); err != nil {
		return err
	}
	var c check
	if s.Scope != ScopeRead && s.Scope != ScopeReadWrite {
		c.add("invalid_scope", "scope", "scope must be read or read-write")
	}
	c.text("subject", s.Subject, MaxConsoleSubject)
	if s.LinkLifetime < time.Second || s.LinkLifetime > MaxLinkLifetime {
		c.add("out_of_range", "linkExpiresInSeconds", fmt.Sprintf("linkExpiresInSeconds must be a whole number between 1 and %d", MaxLinkLifetime/time.Second))
	}
	if s.Lifetime < time.Minute || s.Lifetime > MaxSessionLifetime {
		c.add("out_of_range", "sessionExpiresInMinutes", fmt.Sprintf("sessionExpiresInMinutes must be a whole number between 1 and %d", MaxSessionLifetime/time.Minute))
	}
	s.checkPath(&c)
	return c.err()
}

// checkPath refuses a path that could lead a browser to another organization or away from the console. Browsers resolve . and .. also if
// they are percent-encoded, and read // and \ at the beginning as the name of a host.
func (s ConsoleSessionSpec) checkPath(c *check) {
	begin := ConsolePath(s.OrganizationID)
	switch {
	case s.Path == "":
	case len(s.Path) > maxConsolePath:
		c.add("too_long", "path", fmt.Sprintf("path must not be longer than %d characters", maxConsolePath))
	case !strings.HasPrefix(s.Path, begin) || !plainPath(s.Path):
		c.add("invalid_path", "path", "path must be a page of this organization in the console: "+begin+
			" and what follows, with a query if needed, without . or .. as a part, without //, \\ and #, and percent-encoded")
	}
}

// plainPath reports whether a browser takes the text for exactly the path that it shows, with a query.
func plainPath(text string) bool {
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= unicode.MaxASCII || r == '\\' || r == '#' }) {
		return false
	}
	path, query, _ := strings.Cut(text, "?")
	if _, err := url.ParseQuery(query); err != nil {
		return false
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, part := range parts {
		part, err := url.PathUnescape(part)
		if err != nil || part == "." || part == ".." || part == "" && i < len(parts)-1 ||
			strings.ContainsAny(part, `/\`) || strings.ContainsFunc(part, unicode.IsControl) {
			return false
		}
	}
	return true
}

// ConsoleSessionFilter selects sessions of an organization.
type ConsoleSessionFilter struct {
	OrganizationID string
	Subject        string // empty: all
}

// ParseConsoleSubject parses the subject of sessions to search for.
func ParseConsoleSubject(field, text string) (string, error) {
	var c check
	if text == "" {
		c.add("required", field, field+" must not be empty; leave it out to list all")
	}
	c.text(field, text, MaxConsoleSubject)
	return text, c.err()
}
