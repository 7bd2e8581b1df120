package egress

import (
	"bytes"
	"net/netip"
)

// The ranges are those of IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), with multicast
// (RFC 5771), which the IPv4 registry leaves out, and Azure's public metadata address. Ranges that the registries call globally
// reachable (AS112, AMT) are refused too, because they are for infrastructure and not for receivers.
//
// CheckURL and Control use the same table. The library code.dny.dev/ssrf has an equivalent table, but it supports only dialling, no
// IPv4-mapped addresses in its allow-list, and not Azure's address. The tests compare this table with it.

// globalUnicast6 is the part of IPv6 that is allocated for the public internet (RFC 4291, section 2.4). All other addresses are
// refused: ::/128, ::1/128, v4-mapped and v4-compatible (RFC 4291), NAT64 64:ff9b::/96 (RFC 6052) and
// 64:ff9b:1::/48 (RFC 8215), discard and dummy 100::/64, 100:0:0:1::/64 (RFC 6666, RFC 9780), SRv6 5f00::/16 (RFC 9602),
// unique local fc00::/7 (RFC 4193), link-local fe80::/10, site-local fec0::/10 (RFC 3879), multicast ff00::/8, and
// ranges that are reserved.
var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// forbidden4 are the IPv4 ranges that are refused.
var forbidden4 = prefixes(
	"0.0.0.0/8",        // this network (RFC 791)
	"10.0.0.0/8",       // private (RFC 1918)
	"100.64.0.0/10",    // carrier-grade NAT (RFC 6598); Alibaba's metadata 100.100.100.200
	"127.0.0.0/8",      // loopback (RFC 1122)
	"168.63.129.16/32", // Azure's platform address, public in form but answered by the host of the virtual machine
	"169.254.0.0/16",   // link-local (RFC 3927); metadata 169.254.169.254, ECS credentials 169.254.170.2
	"172.16.0.0/12",    // private (RFC 1918)
	"192.0.0.0/24",     // IETF protocol assignments (RFC 6890); Oracle's metadata 192.0.0.192
	"192.0.2.0/24",     // TEST-NET-1 (RFC 5737)
	"192.31.196.0/24",  // AS112 (RFC 7535)
	"192.52.193.0/24",  // AMT (RFC 7450)
	"192.88.99.0/24",   // 6to4 relay anycast, deprecated (RFC 7526)
	"192.168.0.0/16",   // private (RFC 1918)
	"192.175.48.0/24",  // AS112 direct delegation (RFC 7534)
	"198.18.0.0/15",    // benchmarking (RFC 2544)
	"198.51.100.0/24",  // TEST-NET-2 (RFC 5737)
	"203.0.113.0/24",   // TEST-NET-3 (RFC 5737)
	"224.0.0.0/4",      // multicast (RFC 5771)
	"240.0.0.0/4",      // reserved (RFC 1112), with the limited broadcast address (RFC 919)
)

// forbidden6 are the ranges of globalUnicast6 that are refused.
var forbidden6 = prefixes(
	"2001::/23", // IETF protocol assignments (RFC 2928): Teredo 2001::/32 (RFC 4380), benchmarking 2001:2::/48 (RFC 5180),
	// AMT, AS112, ORCHID 2001:10::/28 (RFC 4843), ORCHIDv2 2001:20::/28 (RFC 7343), drones (RFC 9374)
	"2001:db8::/32",     // documentation (RFC 3849)
	"2002::/16",         // 6to4, an IPv4 address inside (RFC 3056)
	"2620:4f:8000::/48", // AS112 direct delegation (RFC 7534)
	"3ffe::/16",         // 6bone, handed back (RFC 3701)
	"3fff::/20",         // documentation (RFC 9637)
)

// isatapMarks are the first halves of the interface identifiers that carry an IPv4 address under any IPv6 prefix
// (ISATAP, RFC 5214, section 6.1; the second has the universal bit set).
var isatapMarks = [][]byte{{0x00, 0x00, 0x5e, 0xfe}, {0x02, 0x00, 0x5e, 0xfe}}

// public reports whether an address without a zone is assigned to the public internet.
func public(addr netip.Addr) bool {
	if addr.Is4() {
		return !containsAddr(forbidden4, addr)
	}
	return globalUnicast6.Contains(addr) && !containsAddr(forbidden6, addr) && !isatap(addr)
}

func isatap(addr netip.Addr) bool {
	raw := addr.As16()
	for _, mark := range isatapMarks {
		if bytes.Equal(raw[8:12], mark) {
			return true
		}
	}
	return false
}

func containsAddr(list []netip.Prefix, addr netip.Addr) bool {
	for _, prefix := range list {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
