package egress

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"redrive/pkg/shortage"
)

// The lengths of names, in bytes (RFC 1035, section 2.3.4; 253 is what is left of 255 once written as text).
const (
	maxNameLength  = 253
	maxLabelLength = 63
)

// target is where a URL leads: an address written in it, or a name.
type target struct {
	addr netip.Addr // zero when the host is a name
	name string     // in lower case
}

// parseHost reads a host as it stands in a URL and refuses what is neither a plain name nor a plain address.
func parseHost(host string) (target, *Refusal) {
	if literal, bracketed := strings.CutPrefix(host, "["); bracketed {
		addr, err := netip.ParseAddr(strings.TrimSuffix(literal, "]"))
		if err != nil || !addr.Is6() || addr.Zone() != "" {
			return target{}, refuse(ReasonInvalidHost, "only a plain IPv6 address, without a zone, may stand in brackets")
		}
		return target{addr: addr}, nil
	}
	if refusal := checkName(host); refusal != nil {
		return target{}, refusal
	}
	name := strings.ToLower(host)
	if !looksNumeric(name) {
		return target{name: name}, nil
	}
	addr, err := netip.ParseAddr(name)
	if err != nil {
		return target{}, refuse(ReasonInvalidHost, "write an IPv4 address as four decimal numbers, without leading zeros")
	}
	return target{addr: addr}, nil
}

// checkTarget refuses what is, or leads to, a forbidden address.
func (g *Guard) checkTarget(ctx context.Context, to target) *Refusal {
	switch {
	case to.addr.IsValid():
		return asRefusal(g.CheckAddr(to.addr))
	case to.name == "localhost" || strings.HasSuffix(to.name, ".localhost"):
		return g.checkLoopback()
	case internalName(to.name):
		return g.checkInternal(ctx, to.name)
	default:
		return g.checkResolved(ctx, to.name)
	}
}

// checkLoopback answers for localhost and the names below it, which always mean loopback (RFC 6761, section 6.3), whatever
// DNS says. One loopback address that is allowed is enough: the dialer falls back to it.
func (g *Guard) checkLoopback() *Refusal {
	refusal := asRefusal(g.CheckAddr(netip.AddrFrom4([4]byte{127, 0, 0, 1})))
	if refusal == nil || g.CheckAddr(netip.IPv6Loopback()) == nil {
		return nil
	}
	return refusal
}

// checkInternal refuses a name that cannot be public, without asking DNS about it: the answer would tell customers which names
// exist inside our network. Where Config.Allow opens addresses that are not public, a name is accepted if all its addresses are
// among them. A name without an address is then refused in the same words as one with another address.
func (g *Guard) checkInternal(ctx context.Context, name string) *Refusal {
	refusal := refuse(ReasonDestinationNotAllowed, "the host is not a public internet name; use a host that can be reached from the internet")
	if len(g.allow) == 0 {
		return refusal
	}
	ctx, cancel := context.WithTimeout(ctx, g.resolveTimeout)
	defer cancel()
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", name)
	if shortage.Of(err) != nil {
		return nil // every name has the same answer then, and Control decides when it is dialled
	}
	if err != nil || len(addrs) == 0 {
		return refusal
	}
	for _, addr := range addrs {
		if addr = addr.Unmap().WithZone(""); !g.allowed(addr) || !g.permits(addr) {
			return refusal
		}
	}
	return nil
}

// checkResolved refuses a name with any forbidden address. The message does not say which: that would let customers ask
// how names resolve inside our network. The name is looked up as it is, never below a search domain.
func (g *Guard) checkResolved(ctx context.Context, name string) *Refusal {
	ctx, cancel := context.WithTimeout(ctx, g.resolveTimeout)
	defer cancel()

	addrs, err := g.resolver.LookupNetIP(ctx, "ip", absolute(name))
	if err != nil {
		return nil // not resolvable yet, or not now: Control decides when there is an address
	}
	for _, addr := range addrs {
		// Resolvers may hand out plain IPv4 in its v4-mapped form, and the dialer unmaps it before it connects.
		if g.CheckAddr(addr.Unmap()) != nil {
			return &Refusal{
				Reason:  ReasonDestinationNotAllowed,
				Message: "the host resolves to an address that is not public; use a host that can be reached from the internet",
				Addr:    addr,
			}
		}
	}
	return nil
}

// checkName wants letters, digits, hyphens, dots, and underscores, which some real hosts have.
func checkName(host string) *Refusal {
	if host == "" {
		return refuse(ReasonInvalidHost, "name a host, as in https://example.com/hook")
	}
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		case c >= 0x80:
			return refuse(ReasonInvalidHost, "write the host in ASCII; an international name in its xn-- form")
		default:
			return refuse(ReasonInvalidHost, "write the host with letters, digits, hyphens and dots only, and not percent-encoded")
		}
	}
	if strings.HasSuffix(host, ".") {
		return refuse(ReasonInvalidHost, "remove the dot at the end of the host")
	}
	if len(host) > maxNameLength {
		return refuse(ReasonInvalidHost, "the host name is too long; use one of at most 253 characters")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > maxLabelLength || label[0] == '-' || label[len(label)-1] == '-' {
			return refuse(ReasonInvalidHost,
				"each part of the host between dots needs 1 to 63 characters and no hyphen at either end")
		}
	}
	return nil
}

// looksNumeric says whether a resolver of the C library, or a browser, might read the lower-case host as an IPv4 address:
// its last part is a decimal, octal or hexadecimal number (WHATWG URL, "ends in a number"). No top-level domain is.
func looksNumeric(name string) bool {
	last := name[strings.LastIndex(name, ".")+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// asRefusal gives an error of this package its type back. All of them are refusals.
func asRefusal(err error) *Refusal {
	var refusal *Refusal
	errors.As(err, &refusal)
	return refusal
}
