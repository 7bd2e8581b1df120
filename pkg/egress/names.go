package egress

import (
	"net"
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// specialDomains are top-level domains of the public suffix list below which no receiver lives: reverse names and home networks
// (RFC 3172, RFC 8375), and onion services (RFC 7686).
var specialDomains = map[string]bool{"arpa": true, "onion": true}

// internalName reports whether a lower-case name cannot be public: a single label, or a name below a top-level domain that is
// not delegated, such as internal, local, svc, localhost, lan, corp, consul, test or invalid. Only a private DNS or a search list
// resolves it.
func internalName(name string) bool {
	top := name[strings.LastIndexByte(name, '.')+1:]
	if top == name || specialDomains[top] {
		return true
	}
	suffix, delegated := publicsuffix.PublicSuffix(name)
	return !delegated && !strings.Contains(suffix, ".")
}

// DialAddress returns the host:port to dial for the host:port of a URL. A public name gets a trailing dot, so that the resolver
// does not try it below the search domains of resolv.conf: vault.dev would also be asked for as vault.dev.svc.cluster.local.
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

// absolute adds the trailing dot to a public name.
func absolute(name string) string {
	if strings.HasSuffix(name, ".") || internalName(strings.ToLower(name)) {
		return name
	}
	return name + "."
}
