package egress

import (
	"context"
	"net/url"
	"strconv"
	"strings"
)

// maxURLLength is the maximum length of a URL in bytes. Browsers and proxies commonly support URLs of this length.
const maxURLLength = 2048

// CheckURL returns a *Refusal unless an endpoint with this URL may be saved. It looks up the host and refuses it if any of its addresses
// is forbidden. It accepts a host that does not resolve, because DNS is often set up after the endpoint, and Control checks each attempt.
//
// It also refuses a URL that another parser could interpret differently.
func (g *Guard) CheckURL(ctx context.Context, rawURL string) error {
	// Without this check, a nil *Refusal would become a non-nil error.
	if refusal := g.checkURL(ctx, rawURL); refusal != nil {
		return refusal
	}
	return nil
}

func (g *Guard) checkURL(ctx context.Context, rawURL string) *Refusal {
	if refusal := checkText(rawURL); refusal != nil {
		return refusal
	}
	scheme, rest, found := strings.Cut(rawURL, ":")
	if !found || strings.ContainsAny(scheme, "/?[@%") {
		return refuse(ReasonInvalidURL, "write the whole URL, starting with https://")
	}
	if err := g.CheckScheme(scheme); err != nil {
		return asRefusal(err)
	}
	rest, found = strings.CutPrefix(rest, "//")
	if !found {
		return refuse(ReasonInvalidURL, "write the URL with two slashes after the scheme, as in https://example.com/hook")
	}

	authority, path := rest, ""
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		authority, path = rest[:end], rest[end:]
	}
	host, refusal := splitAuthority(authority)
	if refusal != nil {
		return refusal
	}
	destination, refusal := parseHost(host)
	if refusal != nil {
		return refusal
	}
	if !isPrintableASCII(path) {
		return refuse(ReasonInvalidURL, "percent-encode the characters of the path and the query that are not ASCII")
	}

	// The sender parses the URL with net/url, so both parsers must agree. The error of net/url is dropped because it quotes the URL.
	parsed, err := url.Parse(rawURL)
	if err != nil || parsed.Host != authority || parsed.User != nil || parsed.Opaque != "" {
		return refuse(ReasonInvalidURL, "the URL is malformed; check its path and query for broken percent-encoding")
	}
	if refusal := checkRequestTarget(parsed, path); refusal != nil {
		return refusal
	}
	return g.checkTarget(ctx, destination)
}

// checkText refuses an empty or too long URL, and characters that are not allowed anywhere in a URL.
func checkText(rawURL string) *Refusal {
	switch {
	case rawURL == "":
		return refuse(ReasonInvalidURL, "give a URL, starting with https://")
	case len(rawURL) > maxURLLength:
		return refuse(ReasonInvalidURL, "shorten the URL to "+strconv.Itoa(maxURLLength)+" characters")
	case strings.ContainsFunc(rawURL, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return refuse(ReasonInvalidURL, "remove spaces, line breaks and control characters from the URL")
	case strings.Contains(rawURL, `\`):
		return refuse(ReasonInvalidURL, "remove backslashes from the URL; use / between the parts of its path")
	case strings.Contains(rawURL, "#"):
		return refuse(ReasonInvalidURL, "remove the fragment, from # on; it is never sent to a server")
	}
	return nil
}

// splitAuthority splits host[:port], checks the port and returns the host. An IPv6 address keeps its brackets.
func splitAuthority(authority string) (string, *Refusal) {
	if strings.Contains(authority, "@") {
		return "", refuse(ReasonCredentialsInURL,
			"remove the user name and password from the URL; the signature tells the receiver who is sending")
	}

	var host, port string
	var hasPort bool
	if strings.HasPrefix(authority, "[") {
		end := strings.Index(authority, "]")
		if end < 0 || (end+1 < len(authority) && authority[end+1] != ':') {
			return "", refuse(ReasonInvalidHost, "write an IPv6 address in brackets, as in https://[2606:4700::1111]/")
		}
		host = authority[:end+1]
		if hasPort = end+1 < len(authority); hasPort {
			port = authority[end+2:]
		}
	} else {
		host, port, hasPort = strings.Cut(authority, ":")
	}
	if hasPort && !validPort(port) {
		return "", refuse(ReasonInvalidPort, "use a port from 1 to 65535, or leave it out")
	}
	if hasPort && isBadPort(port) {
		return "", refuse(ReasonInvalidPort, "use another port; this one belongs to a protocol other than HTTP, and browsers refuse it too")
	}
	return host, nil
}

// validPort reports whether text is a port from 1 to 65535 without a sign or a leading zero.
func validPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0 && strconv.FormatUint(number, 10) == text
}

func isPrintableASCII(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}
