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

// defaultResolveTimeout bounds the lookup while a client waits for its endpoint to be saved.
const defaultResolveTimeout = 2 * time.Second

// Resolver looks names up. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config is what an operator may change.
type Config struct {
	// AllowHTTP permits plain http beside https. Defaults to false.
	AllowHTTP bool

	// Allow are prefixes that are let through although they are not public, when saving and when dialling. An IPv4 prefix
	// also covers the v4-mapped form of its addresses. Defaults to none.
	Allow []netip.Prefix

	// NAT64 are the operator's own NAT64 prefixes (RFC 6052). An address below one is judged by the IPv4 address that it carries, and
	// by nothing else. Prefixes of other lengths than NAT64Lengths are ignored. Defaults to none.
	NAT64 []netip.Prefix

	// Resolver is asked by CheckURL; dialling uses the dialer's own. Defaults to net.DefaultResolver.
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

// New returns a guard. Invalid prefixes in cfg.Allow let nothing through.
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

// CheckScheme refuses every URL scheme but https, and http if that is allowed. Case does not matter. The sender asks
// again before each attempt, since AllowHTTP may have been switched off after an endpoint was saved.
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

// CheckAddr refuses every address that is not public and not let through by Config.Allow or Config.NAT64, and every IPv6 address
// that carries an IPv4 address of which that is true. Zones are ignored. The error is a *Refusal.
func (g *Guard) CheckAddr(addr netip.Addr) error {
	// netip never finds a zoned address in a prefix, so that a zone left in place would dodge the table.
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

// Control is for net.Dialer.Control: it is called with the literal address of every connection, after DNS and before
// anything is sent. It lets through TCP to addresses that pass CheckAddr; anything else is a *Refusal, which matches
// ErrRefused through the *net.OpError that the dialer makes of it.
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

// permits judges an address and what it carries.
func (g *Guard) permits(addr netip.Addr) bool {
	for _, inner := range embedded(addr, g.nat64) {
		if !g.allowed(inner) && !public(inner) {
			return false
		}
	}
	return g.allowed(addr) || public(addr) || containsAddr(g.nat64, addr)
}

// allowed says whether Config.Allow names the address. A v4-mapped address counts as IPv4 alone, since that is what the
// operating system connects to: ::/0 must not open ::ffff:127.0.0.1 when saving if 127.0.0.1 is refused when dialling.
func (g *Guard) allowed(addr netip.Addr) bool {
	addr = addr.Unmap()
	if metadata[addr] {
		return slices.Contains(g.allow, netip.PrefixFrom(addr, addr.BitLen()))
	}
	return containsAddr(g.allow, addr)
}

// unmapPrefix turns a prefix written in v4-mapped form into the IPv4 one that it means.
func unmapPrefix(prefix netip.Prefix) netip.Prefix {
	const mappedBits = 96 // the fixed part of ::ffff:0:0/96
	if prefix.Addr().Is4In6() && prefix.Bits() >= mappedBits {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mappedBits)
	}
	return prefix
}
