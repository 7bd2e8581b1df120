package egress

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// defaultResolveTimeout is the default of Config.ResolveTimeout. It is short because the client that saves an endpoint waits for it.
const defaultResolveTimeout = 2 * time.Second

// Resolver looks up the addresses of names. *net.Resolver implements it.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config configures a Guard. The zero value allows https to public addresses only.
type Config struct {
	// AllowHTTP permits plain http beside https. Defaults to false.
	AllowHTTP bool

	// Allow lists prefixes that are allowed although they are not public, both by CheckURL and by Control. An IPv4 prefix also covers
	// the IPv4-mapped IPv6 form of its addresses. Defaults to none.
	Allow []netip.Prefix

	// NAT64 lists the operator's own NAT64 prefixes (RFC 6052). For an address in one of them, only the embedded IPv4 address is checked.
	// Prefixes whose length is not in NAT64Lengths are ignored. Defaults to none.
	NAT64 []netip.Prefix

	// Resolver is used by CheckURL. A dialer uses its own resolver. Defaults to net.DefaultResolver.
	Resolver Resolver

	// ResolveTimeout bounds the lookup in CheckURL. Defaults to 2 s.
	ResolveTimeout time.Duration
}

// Guard refuses destinations that are not public. It is safe for concurrent use.
type Guard struct {
	allowHTTP      bool
	allow          []netip.Prefix
	nat64          []netip.Prefix
	resolver       Resolver
	resolveTimeout time.Duration
}

// New returns a Guard. Invalid prefixes in cfg.Allow are ignored.
func New(cfg Config) *Guard {
	g := &Guard{
		allowHTTP:      cfg.AllowHTTP,
		nat64:          nat64Prefixes(cfg.NAT64),
		resolver:       cfg.Resolver,
		resolveTimeout: cfg.ResolveTimeout,
	}
	for _, prefix := range cfg.Allow {
		g.allow = append(g.allow, unmapPrefix(prefix))
	}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	if g.resolveTimeout <= 0 {
		g.resolveTimeout = defaultResolveTimeout
	}
	return g
}

// CheckScheme returns a *Refusal unless the URL scheme is https, or http with Config.AllowHTTP. It ignores case. The sender calls it
// before each attempt too, because AllowHTTP may have been switched off since the endpoint was saved.
func (g *Guard) CheckScheme(scheme string) error {
	switch strings.ToLower(scheme) {
	case "https":
		return nil
	case "http":
		if g.allowHTTP {
			return nil
		}
		return refuse(ReasonSchemeNotAllowed, "plain http is not allowed; use a URL that starts with https://")
	default:
		return refuse(ReasonSchemeNotAllowed, "use a URL that starts with https://")
	}
}

// CheckAddr returns a *Refusal unless the address is public or allowed by Config.Allow or Config.NAT64. If an IPv6 address embeds an IPv4
// address, the same must hold for the IPv4 address. Zones are ignored.
func (g *Guard) CheckAddr(addr netip.Addr) error {
	// The zone must be removed: netip.Prefix.Contains is false for every address with a zone, so no forbidden range would match.
	bare := addr.WithZone("")
	if bare.IsValid() && g.permits(bare) {
		return nil
	}
	return &Refusal{
		Reason:  ReasonDestinationNotAllowed,
		Message: "the destination is not a public internet address; use a host that can be reached from the internet",
		Addr:    addr,
	}
}

// Control is for net.Dialer.Control. The dialer calls it with the IP address of every connection, after DNS and before it connects.
// Control returns a *Refusal unless the network is TCP and the address passes CheckAddr. The dialer wraps the *Refusal in a *net.OpError,
// which still matches ErrRefused.
func (g *Guard) Control(network, address string, _ syscall.RawConn) error {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return refuse(ReasonDestinationNotAllowed, "only TCP connections are allowed")
	}
	target, err := netip.ParseAddrPort(address)
	if err != nil || target.Port() == 0 {
		return refuse(ReasonDestinationNotAllowed, "the destination is not an IP address with a port")
	}
	return g.CheckAddr(target.Addr())
}

// permits reports whether an address and the IPv4 addresses that it embeds are all public or allowed.
func (g *Guard) permits(addr netip.Addr) bool {
	for _, inner := range embedded(addr, g.nat64) {
		if !g.allowed(inner) && !public(inner) {
			return false
		}
	}
	return g.allowed(addr) || public(addr) || containsAddr(g.nat64, addr)
}

// allowed reports whether Config.Allow contains the address. An IPv4-mapped address is compared as IPv4, because the operating system
// connects to the IPv4 address. Otherwise ::/0 would allow ::ffff:127.0.0.1 in CheckURL, and Control would refuse 127.0.0.1.
func (g *Guard) allowed(addr netip.Addr) bool {
	addr = addr.Unmap()
	if metadata[addr] {
		return slices.Contains(g.allow, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return containsAddr(g.allow, addr)
}

// unmapPrefix converts a prefix of IPv4-mapped addresses to the IPv4 prefix. It returns any other prefix unchanged.
func unmapPrefix(prefix netip.Prefix) netip.Prefix {
	const mappedBits = 96 // the length of ::ffff:0:0/96
	if prefix.Addr().Is4In6() && prefix.Bits() >= mappedBits {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mappedBits)
	}
	return prefix
}
