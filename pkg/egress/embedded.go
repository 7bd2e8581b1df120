package egress

import (
	"net/netip"
	"slices"
)

// The prefixes of IPv6 addresses that embed an IPv4 address. A gateway or the kernel may send the packets to the IPv4 address, so both
// addresses are checked.
var (
	wellKnownNAT64 = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	localUseNAT64  = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215; an operator chooses the prefix inside it
	sixToFour      = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo         = netip.MustParsePrefix("2001::/32")       // RFC 4380: the server, and the client inverted
	compatible     = netip.MustParsePrefix("::/96")           // RFC 4291, deprecated
	translated     = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, deprecated
	thisNetwork    = netip.MustParsePrefix("0.0.0.0/8")       // RFC 791
)

// NAT64Lengths are the lengths that a NAT64 prefix can have (RFC 6052, section 2.2).
var NAT64Lengths = []int{32, 40, 48, 56, 64, 96}

// embedded returns the IPv4 addresses that are embedded in an IPv6 address without a zone. nat64 are the operator's own prefixes, the
// longest first.
func embedded(addr netip.Addr, nat64 []netip.Prefix) []netip.Addr {
	if !addr.Is6() || addr == netip.IPv6Unspecified() || addr == netip.IPv6Loopback() {
		return nil
	}
	raw := addr.As16()
	last := netip.AddrFrom4([4]byte(raw[12:]))
	for _, prefix := range nat64 {
		if prefix.Contains(addr) {
			return []netip.Addr{translatedBy(raw, prefix.Bits())}
		}
	}
	switch {
	case localUseNAT64.Contains(addr):
		return localUse(raw)
	case wellKnownNAT64.Contains(addr), compatible.Contains(addr), translated.Contains(addr), isatap(addr):
		return []netip.Addr{last}
	case sixToFour.Contains(addr):
		return []netip.Addr{netip.AddrFrom4([4]byte(raw[2:6]))}
	case teredo.Contains(addr):
		return []netip.Addr{
			netip.AddrFrom4([4]byte(raw[4:8])),
			netip.AddrFrom4([4]byte{^raw[12], ^raw[13], ^raw[14], ^raw[15]}),
		}
	}
	return nil
}

// translatedBy returns the IPv4 address that follows a NAT64 prefix of the given length. It skips byte 8, which is reserved.
func translatedBy(raw [16]byte, bits int) netip.Addr {
	var four [4]byte
	at := bits / 8
	for i := range four {
		if at == 8 {
			at++
		}
		four[i] = raw[at]
		at++
	}
	return netip.AddrFrom4(four)
}

// localUse returns the IPv4 addresses that an address in 64:ff9b:1::/48 can embed, one for each possible prefix length. It is for an
// address in none of the operator's prefixes, so its prefix length is unknown. It leaves out 0.0.0.0/8: these are zeros of a longer prefix.
func localUse(raw [16]byte) []netip.Addr {
	addrs := []netip.Addr{translatedBy(raw, 96)}
	for _, bits := range []int{48, 56, 64} {
		if addr := translatedBy(raw, bits); !thisNetwork.Contains(addr) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// nat64Prefixes returns the prefixes that RFC 6052 allows, the longest first.
func nat64Prefixes(prefixes []netip.Prefix) []netip.Prefix {
	var kept []netip.Prefix
	for _, prefix := range prefixes {
		if IsNAT64(prefix) {
			kept = append(kept, prefix.Masked())
		}
	}
	slices.SortFunc(kept, func(a, b netip.Prefix) int { return b.Bits() - a.Bits() })
	return kept
}

// IsNAT64 reports whether RFC 6052 allows the prefix as a NAT64 prefix.
func IsNAT64(prefix netip.Prefix) bool {
	return prefix.IsValid() && prefix.Addr().Is6() && !prefix.Addr().Is4In6() && slices.Contains(NAT64Lengths, prefix.Bits())
}
