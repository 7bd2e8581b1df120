package web

import (
	"net/url"
	"strings"

	"redrive/pkg/webhook"
)

// Root is the path below which all pages are.
const Root = webhook.ConsoleRoot

// Site is what an installation sets for its console. It does not change.
type Site struct {
	// Name is shown in place of the product's name.
	Name string
	// Accent is the colour of links and buttons, as #rrggbb.
	Accent string
	// PublicURL is the address of the service as browsers see it, without a slash at its end. Empty means unknown: then addresses have no
	// host.
	PublicURL string
	// ReturnURL is where an ended session of a customer leads. Empty means the console's own page.
	ReturnURL string
	// FrameAncestors are the origins that may embed the pages of customers.
	FrameAncestors []string
	// OperatorOnly hides the pages of customers: only the operator may sign in.
	OperatorOnly bool
	// OperatorPassword says that the operator may sign in with a password.
	OperatorPassword bool
	// Open serves the console without signing in, as the operator. Use it only on loopback.
	Open bool
	// Home is the organization that an open console begins with.
	Home string
}

// Prefix returns the path of PublicURL, which a proxy removes. It has no slash at its end.
func (s Site) Prefix() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.EscapedPath(), "/")
}

// origin returns the scheme and host of PublicURL, or "".
func (s Site) origin() string {
	u, err := url.Parse(s.PublicURL)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Path returns the path of a page as browsers see it. The parts are escaped and joined.
func (s Site) Path(parts ...string) string {
	path := s.Prefix() + Root
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// Permalink returns the full address of a path that Path returned, or the path if the public address is unknown.
func (s Site) Permalink(path string) string {
	if s.PublicURL == "" {
		return path
	}
	return strings.TrimSuffix(s.PublicURL, s.Prefix()) + path
}

// encrypted reports whether browsers reach the service by TLS.
func (s Site) encrypted() bool { return strings.HasPrefix(s.PublicURL, "https://") }

// codePath returns the paragraph of the guide that says what a customer can do about a code of a delivery or an attempt.
func (s Site) codePath(code string) string { return s.Prefix() + "/docs/guides/codes#" + code }
