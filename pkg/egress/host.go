package egress

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"redrive/pkg/shortage"
)

// The maximum lengths of names, in bytes (RFC 1035, section 2.3.4). The limit of 255 bytes on the wire is 253 bytes as text.
const (
	maxNameLength  = 253
	maxLabelLength = 63
)

// target is the host of a URL: an IP address or a name.
type target struct {
	addr netip.Addr // zero if the host is a name
	name string     // in lower case
}

// parseHost parses the host of a URL. It refuses a host that is neither a valid name nor an IP address in its usual form.
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

// checkTarget refuses a forbidden address, and a name that is internal or has a forbidden address.
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

// checkLoopback checks localhost and the names below it without DNS: they always resolve to loopback (RFC 6761, section 6.3). One allowed
// loopback address is enough, because the dialer tries all of them.
func (g *Guard) checkLoopback() *Refusal {
	refusal := asRefusal(g.CheckAddr(netip.AddrFrom4([4]byte{127, 0, 0, 1})))
	if refusal == nil || g.CheckAddr(netip.IPv6Loopback()) == nil {
		return nil
	}
	return refusal
}

// checkInternal checks a name that cannot be public. Without Config.Allow it refuses the name without a DNS lookup. With Config.Allow it
// accepts the name if all its addresses are allowed. A name without addresses gets the same refusal as a name with other addresses:
// otherwise customers could find out which names exist inside our network.
func (g *Guard) checkInternal(ctx context.Context, name string) *Refusal {
	refusal := refuse(ReasonDestinationNotAllowed, "the host is not a public internet name; use a host that can be reached from the internet")
	if len(g.allow) == 0 {
		return refusal
	}
	ctx, cancel := context.WithTimeout(ctx, g.resolveTimeout)
	defer cancel()
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", name)
	if shortage.Of(err) != nil {
		return nil // no lookup can succeed now, so acceptance reveals nothing about the name; Control checks each attempt
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

// checkResolved refuses a name if any of its addresses is forbidden. It looks up the name as an absolute one, without search domains. The
// message does not contain the address: otherwise customers could find out how names resolve inside our network.
func (g *Guard) checkResolved(ctx context.Context, name string) *Refusal {
	ctx, cancel := context.WithTimeout(ctx, g.resolveTimeout)
	defer cancel()

	addrs, err := g.resolver.LookupNetIP(ctx, "ip", absolute(name))
	if err != nil {
		return nil // the name may resolve later; Control checks the address of each attempt
	}
	for _, addr := range addrs {
		// Resolvers may return IPv4 addresses in IPv4-mapped form. The dialer unmaps them before it connects.
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

// checkName refuses a host that is not a valid host name. It accepts underscores, because some hosts in use have them.
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

// looksNumeric reports whether the last label of a lower-case host is a decimal, octal or hexadecimal number (WHATWG URL, "ends in a
// number"). C libraries and browsers may parse such a host as an IPv4 address. No top-level domain is a number.
func looksNumeric(name string) bool {
	last := name[strings.LastIndex(name, ".")+1:]
	if digits, hex := strings.CutPrefix(last, "0x"); hex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// asRefusal converts an error of CheckScheme or CheckAddr to *Refusal. It returns nil for a nil error.
func asRefusal(err error) *Refusal {
	var refusal *Refusal
	errors.As(err, &refusal)
	return refusal
}
