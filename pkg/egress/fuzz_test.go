package egress

import (
	"context"
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var reasons = []string{
	ReasonInvalidURL, ReasonSchemeNotAllowed, ReasonCredentialsInURL, ReasonInvalidPort, ReasonInvalidHost,
	ReasonDestinationNotAllowed,
}

// FuzzCheckURL checks that CheckURL never panics, that every refusal is a *Refusal with a known reason, and that net/url, which the sender
// uses, parses an accepted URL in the same way.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://example.com/hook?x=1", "HTTPS://EXAMPLE.com:8443", "http://example.com/", "https://8.8.8.8/",
		"https://[2606:4700:4700::1111]:8443/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/",
		"https://127.0.0.1/", "https://0x7f.1/", "https://2130706433/", "https://127.1", "https://0177.0.0.1:80/",
		"https://user:secret@example.com/", "https://example.com\\@10.0.0.1/", "https://example.com#@10.0.0.1/",
		"https://example.com./", "https://bücher.de/", "https://exa%6dple.com/", "https://example.com:0/", "https://:1",
		"https://example.com/a%2Fb/c|", "https://example.com/%2e%2e/{x}", "https://example.com//?", "https://example.com/%C3%bc[]`^",
		"//example.com", "https:example.com", "javascript:alert(1)", "https://a?b@c:1/[::1]", "https://[", "", "\x00",
	} {
		f.Add(seed)
	}

	g := New(Config{Resolver: fakeResolver{}})
	f.Fuzz(func(t *testing.T, raw string) {
		err := g.CheckURL(context.Background(), raw)
		if err != nil {
			var refusal *Refusal
			if !errors.As(err, &refusal) || !slices.Contains(reasons, refusal.Reason) || refusal.Message == "" {
				t.Fatalf("%q: an odd refusal: %#v", raw, err)
			}
			return
		}

		parsed, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q is accepted and does not parse: %v", raw, err)
		}
		if parsed.Scheme != "https" || parsed.User != nil || parsed.Opaque != "" || parsed.Fragment != "" {
			t.Fatalf("%q is accepted and reads as %#v", raw, parsed)
		}
		host := parsed.Hostname()
		if host == "" || strings.HasSuffix(host, ".") || !isPrintableASCII(raw) {
			t.Fatalf("%q is accepted with the host %q", raw, host)
		}
		if port := parsed.Port(); port != "" && !validPort(port) {
			t.Fatalf("%q is accepted with the port %q", raw, port)
		}
		if addr, err := netip.ParseAddr(host); err == nil {
			if err := g.CheckAddr(addr); err != nil {
				t.Fatalf("%q is accepted: %v", raw, err)
			}
		} else if looksNumeric(strings.ToLower(host)) {
			t.Fatalf("%q is accepted with a host that others read as an address", raw)
		}
		if host, target := savedParts(raw); parsed.Host != host || parsed.RequestURI() != target {
			t.Fatalf("%q is accepted and requested as %q at %q", raw, parsed.RequestURI(), parsed.Host)
		}
		again, err := url.Parse(parsed.String())
		if err != nil || again.Host != parsed.Host || again.Scheme != parsed.Scheme {
			t.Fatalf("%q does not survive being written again: %v", raw, again)
		}
	})
}

// savedParts returns the Host header and the request target that an accepted URL has to be requested with.
func savedParts(raw string) (host, target string) {
	_, rest, _ := strings.Cut(raw, "://")
	end := strings.IndexAny(rest, "/?")
	switch {
	case end < 0:
		return rest, "/"
	case rest[end] == '?':
		return rest[:end], "/" + rest[end:]
	}
	return rest[:end], rest[end:]
}
