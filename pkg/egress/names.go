package egress

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// specialDomains are top-level domains of the public suffix list that contain no public web servers. arpa has reverse names and home
// networks (RFC 3172, RFC 8375); onion is for Tor services (RFC 7686).
var specialDomains = map[string]bool{"arpa": true, "onion": true}

// internalName reports whether a lower-case name cannot be public, so that only private DNS or a search domain can resolve it. Such a
// name is a single label, or ends in a top-level domain that is not delegated: internal, local, svc, localhost, lan, corp, consul, test.
func internalName(name string) bool {
	top := name[strings.LastIndexByte(name, '.')+1:]
	if top == name || specialDomains[top] {
		return true
	}
	suffix, delegated := publicsuffix.PublicSuffix(name)
	return !delegated && !strings.Contains(suffix, ".")
}

// DialAddress returns the host:port to dial for the host:port of a URL. It adds a trailing dot to a public name, so that the resolver does
// not append the search domains of resolv.conf. Without the dot, vault.dev would also be looked up as vault.dev.svc.cluster.local.
func DialAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return address
	}
	return net.JoinHostPort(absolute(host), port)
}

// absolute adds a trailing dot to a public name, and returns any other name unchanged.
func absolute(name string) string {
	if strings.HasSuffix(name, ".") || internalName(strings.ToLower(name)) {
		return name
	}
	return name + "."
}
