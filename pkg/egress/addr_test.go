package egress

import (
	"net/netip"
	"testing"

	"code.dny.dev/ssrf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// forbiddenAddrs are the ends of every range, the addresses that attackers are after, and the disguises of both.
var forbiddenAddrs = []string{
	// IPv4
	"0.0.0.0", "0.0.0.1", "0.255.255.255",
	"10.0.0.0", "10.0.0.1", "10.255.255.255",
	"100.64.0.0", "100.100.100.200", "100.127.255.255",
	"127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255",
	"168.63.129.16",
	"169.254.0.0", "169.254.169.254", "169.254.170.2", "169.254.255.255",
	"172.16.0.0", "172.17.0.1", "172.31.255.255",
	"192.0.0.0", "192.0.0.8", "192.0.0.170", "192.0.0.192", "192.0.0.255",
	"192.0.2.0", "192.0.2.255",
	"192.31.196.1", "192.52.193.1", "192.175.48.1",
	"192.88.99.0", "192.88.99.1", "192.88.99.255",
	"192.168.0.0", "192.168.1.1", "192.168.255.255",
	"198.18.0.0", "198.19.255.255",
	"198.51.100.0", "198.51.100.255",
	"203.0.113.0", "203.0.113.255",
	"224.0.0.0", "224.0.0.1", "233.252.0.1", "239.255.255.255",
	"240.0.0.0", "240.0.0.1", "255.255.255.254", "255.255.255.255",

	// IPv6 outside the global unicast range
	"::", "::1", "::2", "::1%lo", "::%eth0",
	"::127.0.0.1", "::8.8.8.8", "::ffff:0:127.0.0.1",
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:8.8.8.8", "::ffff:7f00:1",
	"::ffff:127.0.0.1%eth0",
	"64:ff9b::", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::8.8.8.8", "64:ff9b::ffff:ffff",
	"64:ff9b:1::", "64:ff9b:1::10.0.0.1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
	"100::", "100::1", "100::ffff:ffff:ffff:ffff", "100:0:0:1::1",
	"200::1", "400::1", "1000::1", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"4000::", "5f00::", "5f00:ffff::1", "6000::1", "8000::1", "c000::1", "e000::1", "f000::1",
	"fc00::", "fc00::1", "fd00::1", "fd00:ec2::254", "fd20:ce::254", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"fd00:ec2::254%eth0",
	"fe80::", "fe80::1", "fe80::1%eth0", "fe80::a9fe:a9fe", "febf:ffff::1",
	"fec0::", "fec0::1", "feff:ffff::1",
	"ff00::", "ff01::1", "ff02::1", "ff02::1%eth0", "ff05::2", "ff0e::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",

	// IPv6 inside it
	"2001::", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
	"2001:1::1", "2001:2::", "2001:2:0:ffff::1", "2001:3::1", "2001:4:112::1",
	"2001:10::", "2001:1f:ffff::1", "2001:20::", "2001:2f:ffff::1", "2001:30::1", "2001:1ff:ffff::1",
	"2001:db8::", "2001:db8::1", "2001:db8::1%eth0", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	"2002::", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2002:808:808::1", "2002:ffff:ffff::1", "2002:7f00:1::1%eth0",
	"2620:4f:8000::1", "3ffe::1", "3fff::", "3fff::1", "3fff:fff:ffff::1",
	"2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:169.254.169.254",
}

// publicAddrs are real public addresses, and the neighbours of the ranges above.
var publicAddrs = []string{
	"1.0.0.0", "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "93.184.216.34",
	"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "168.63.129.15", "168.63.129.17",
	"169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0",
	"192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
	"198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
	"2000::1", "2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1", "2001:db9::1", "2001:ffff::1", "2003::1",
	"2400:cb00::1", "2606:4700:4700::1111", "2620:4f:7fff::1", "2620:4f:8001::1", "2a00:1450:4001::1", "2c0f::1",
	"3ffd:ffff::1", "3fff:1000::1",
}

func TestCheckAddrNotPublicIsRefused(t *testing.T) {
	g := New(Config{})
	for _, text := range forbiddenAddrs {
		addr := netip.MustParseAddr(text)
		err := g.CheckAddr(addr)
		if !assert.ErrorIs(t, err, ErrRefused, text) {
			continue
		}
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, ReasonDestinationNotAllowed, refusal.Reason)
		assert.Equal(t, addr, refusal.Addr)
		if text != "::" { // which is in every text with an IPv6 address, and in none of ours
			assert.NotContains(t, err.Error(), text, "the address is not for customers")
		}
	}
	assert.ErrorIs(t, g.CheckAddr(netip.Addr{}), ErrRefused, "the zero address")
}

func TestCheckAddrPublicIsAccepted(t *testing.T) {
	g := New(Config{})
	for _, text := range publicAddrs {
		assert.NoError(t, g.CheckAddr(netip.MustParseAddr(text)), text)
	}
}

func TestCheckAddrAllowListAccepts(t *testing.T) {
	tests := []struct {
		allow string
		addr  string
		want  bool
	}{
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "::ffff:127.0.0.1", true},
		{"127.0.0.0/8", "::ffff:127.0.0.1%eth0", true},
		{"127.0.0.0/8", "::1", false},
		{"127.0.0.0/8", "10.0.0.1", false},
		{"127.0.0.0/8", "64:ff9b::127.0.0.1", false},
		{"127.0.0.0/8", "8.8.8.8", true},
		{"10.1.2.3/32", "10.1.2.3", true},
		{"10.1.2.3/32", "10.1.2.4", false},
		{"10.1.2.3/8", "10.9.9.9", true},
		{"::ffff:10.0.0.0/104", "10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
		{"::ffff:10.0.0.0/104", "11.1.2.3", true}, // public anyway
		{"::ffff:10.0.0.0/104", "127.0.0.1", false},
		{"::1/128", "::1", true},
		{"::1/128", "::1%lo", true},
		{"::1/128", "::2", false},
		{"::/0", "fd00::1", true},
		{"::/0", "127.0.0.1", false},
		{"::/0", "::ffff:127.0.0.1", false}, // dialled as 127.0.0.1
		{"fe80::/10", "fe80::1%eth0", true},
		{"64:ff9b::/96", "64:ff9b::8.8.8.8", true},
	}
	for _, test := range tests {
		g := New(Config{Allow: []netip.Prefix{netip.MustParsePrefix(test.allow)}})
		err := g.CheckAddr(netip.MustParseAddr(test.addr))
		if test.want {
			assert.NoError(t, err, "%s with %s allowed", test.addr, test.allow)
		} else {
			assert.ErrorIs(t, err, ErrRefused, "%s with %s allowed", test.addr, test.allow)
		}
	}

	broken := New(Config{Allow: []netip.Prefix{{}}})
	assert.ErrorIs(t, broken.CheckAddr(netip.MustParseAddr("127.0.0.1")), ErrRefused, "an invalid prefix")
}

// Every address that we accept is also accepted by a table that another library generates from the registries.
func TestCheckAddrRefusesAllThatSSRFLibraryRefuses(t *testing.T) {
	g, yardstick := New(Config{}), ssrf.New(ssrf.WithAnyPort())

	for _, prefix := range append(ssrf.IPv4DeniedPrefixes, ssrf.IPv6DeniedPrefixes...) {
		assert.ErrorIs(t, g.CheckAddr(prefix.Addr()), ErrRefused, prefix)
		assert.ErrorIs(t, g.CheckAddr(lastOf(prefix)), ErrRefused, prefix)
	}

	interesting := append(append([]netip.Prefix{}, forbidden4...), forbidden6...)
	rapid.Check(t, func(t *rapid.T) {
		var addr netip.Addr
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			addr = netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "IPv4")))
		case 1:
			addr = netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "IPv6")))
		default: // just beside a range
			prefix := rapid.SampledFrom(interesting).Draw(t, "range")
			addr = lastOf(prefix).Next()
			if rapid.Bool().Draw(t, "before") {
				addr = prefix.Addr().Prev()
			}
			if !addr.IsValid() {
				t.Skip("no neighbour")
			}
		}
		if g.CheckAddr(addr) == nil && yardstick.SafeAddr(addr) != nil {
			t.Fatalf("%s is accepted, and the registries say no", addr)
		}
	})
}

// lastOf returns the last address of a prefix.
func lastOf(prefix netip.Prefix) netip.Addr {
	raw := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 0x80 >> (bit % 8)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}
