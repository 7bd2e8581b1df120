package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caarlos0/env/v11"
)

// Problems joins errors into an error of one line. It returns nil if all of them are nil.
func Problems(problems ...error) error {
	joined := errors.Join(problems...)
	if joined == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(joined.Error(), "\n", "; "))
}

// check collects the problems, one for each variable. A variable that could not be parsed has a meaningless value and is not checked
// further.
type check struct {
	named    []string
	problems []error
}

func (c *check) add(name, format string, args ...any) {
	if !slices.Contains(c.named, name) {
		c.named = append(c.named, name)
		c.problems = append(c.problems, fmt.Errorf(name+" "+format, args...))
	}
}

func (c *check) format(format string) {
	if format != "json" && format != "text" {
		c.add("LOG_FORMAT", "must be json or text")
	}
}

func (c *check) endpoint(name, text string) {
	if text == "" {
		return
	}
	if u, err := url.Parse(text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		c.add(name, "must be an http or https URL, such as http://127.0.0.1:4318")
	}
}

// nat64 refuses prefixes for which RFC 6052 does not define the position of the IPv4 address. pkg/egress ignores the same prefixes.
func (c *check) nat64(prefixes []netip.Prefix) {
	for _, prefix := range prefixes {
		if !prefix.Addr().Is6() || prefix.Addr().Is4In6() || !slices.Contains([]int{32, 40, 48, 56, 64, 96}, prefix.Bits()) {
			c.add("EGRESS_NAT64", "must be IPv6 prefixes of 32, 40, 48, 56, 64 or 96 bits, such as 64:ff9b::/96")
		}
	}
}

func (c *check) sending(timeout time.Duration, schedule []time.Duration) {
	between(c, "DELIVERY_TIMEOUT", timeout, 100*time.Millisecond, 5*time.Minute)
	for _, delay := range schedule {
		between(c, "RETRY_SCHEDULE", delay, time.Millisecond, 7*24*time.Hour)
	}
}

// memory refuses a budget that is smaller than the copies of one large request.
func (c *check) memory(name string, size Bytes) {
	between(c, name, size, 16<<20, 1<<40)
}

// minPassword is the smallest length of a password. The operator's password gives access to the data of every organization.
const minPassword = 12

// password refuses a short password and one that a browser cannot send unchanged. An empty password means that none is set.
func (c *check) password(name, text string) {
	switch {
	case text == "":
	case strings.TrimSpace(text) != text:
		c.add(name, "must not begin or end with a space or a line break")
	case strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text):
		c.add(name, "must be UTF-8 without control characters: HTTP Basic authentication allows no others")
	case utf8.RuneCountInString(text) < minPassword:
		c.add(name, "must have at least %d characters", minPassword)
	}
}

// retention refuses values that are probably mistakes.
func (c *check) retention(keep time.Duration) {
	if keep != 0 {
		between(c, "RETENTION", keep, time.Hour, 100*365*24*time.Hour)
	}
}

func (c *check) loopback(name, addr string) {
	host, _, err := net.SplitHostPort(addr)
	ip, notIP := netip.ParseAddr(host)
	if err != nil || host != "localhost" && (notIP != nil || !ip.IsLoopback()) {
		c.add(name, "must be an address of loopback, such as 127.0.0.1:8080: local mode has no password")
	}
}

// origins refuses values that no browser sends as an Origin, including the wildcard.
func (c *check) origins(name string, origins []string) {
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || strings.Trim(u.Host, hostCharacters) != "" ||
			origin != strings.ToLower(u.Scheme+"://"+u.Host) {
			c.add(name, "must be origins such as https://app.example.com, in lower case and without a path")
		}
	}
}

// hostCharacters are those of the hosts that browsers send. They have no meaning of their own in a header.
const hostCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

// parsing adds the parser's errors by the names of the variables instead of the fields.
func (c *check) parsing(settings reflect.Type, err error) {
	var all env.AggregateError
	if !errors.As(err, &all) {
		c.problems = append(c.problems, fmt.Errorf("read the settings: %w", err))
		return
	}
	for _, problem := range all.Errors {
		var unset env.VarIsNotSetError
		var empty env.EmptyVarError
		var unparsable env.ParseError
		switch {
		case errors.As(problem, &unset):
			c.add(unset.Key, "is required")
		case errors.As(problem, &empty):
			c.add(empty.Key, "is required and must not be empty")
		case errors.As(problem, &unparsable):
			field, _ := settings.FieldByName(unparsable.Name)
			c.add(variable(field), "is not valid: %w", unparsable.Err)
		default:
			c.problems = append(c.problems, problem)
		}
	}
}
