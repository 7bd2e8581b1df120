package egress

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A wide prefix opens the form, and not what it carries.
func TestCheckAddrAllowedChecksEmbeddedAddress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		allow, addr string
		want        bool
	}{
		{"64:ff9b::/96", "64:ff9b::8.8.8.8", true},
		{"64:ff9b::/96", "64:ff9b::a9fe:a9fe", false},
		{"64:ff9b::/96", "64:ff9b::10.0.0.1", false},
		{"64:ff9b::/96", "64:ff9b::127.0.0.1%eth0", false},
		{"64:ff9b::10.0.0.1/128", "64:ff9b::10.0.0.1", false},
		{"64:ff9b:1::/48", "64:ff9b:1::8.8.8.8", true},
		{"64:ff9b:1::/48", "64:ff9b:1:abcd::8.8.8.8", true},
		{"64:ff9b:1::/48", "64:ff9b:1::a9fe:a9fe", false},
		{"64:ff9b:1::/48", "64:ff9b:1:a9fe:a9:fe00:808:808", false}, // of 48 bits
		{"64:ff9b:1::/48", "64:ff9b:1:a9:fe:a9fe:808:808", false},   // of 56 bits: 169.254.169.254
		{"64:ff9b:1::/48", "64:ff9b:1:0:a:0:508:808", false},        // of 64 bits: 10.0.0.5
		{"2002::/16", "2002:808:808::1", true},
		{"2002::/16", "2002:a9fe:a9fe::1", false},
		{"2002::/16", "2002:7f00:1::1", false},
		{"2001::/32", "2001:0:808:808:0:0:f7f7:f7f7", true},  // both are 8.8.8.8
		{"2001::/32", "2001:0:808:808:0:0:f5ff:fffe", false}, // the client is 10.0.0.1
		{"2001::/32", "2001:0:a00:1:0:0:f7f7:f7f7", false},   // the server is
		{"::/0", "::10.0.0.1", false},
		{"::/0", "::8.8.8.8", true},
		{"::/0", "::1", true},
		{"::/0", "::ffff:0:10.0.0.1", false},
		{"::/0", "2606:4700::5efe:10.0.0.1", false},
		{"::/0", "2606:4700::200:5efe:8.8.8.8", true},
		{"fe80::/10", "fe80::5efe:169.254.169.254", false},
		{"fe80::/10", "fe80::1", true},
	} {
		g := New(Config{Allow: prefixes(test.allow)})
		assert.Equal(t, test.want, g.CheckAddr(netip.MustParseAddr(test.addr)) == nil, "%s with %s allowed", test.addr, test.allow)
	}
	both := New(Config{Allow: prefixes("64:ff9b::/96", "10.0.0.0/8")})
	assert.NoError(t, both.CheckAddr(netip.MustParseAddr("64:ff9b::10.0.0.1")), "both are allowed")
}

// RFC 6052, section 2.4, with 192.0.2.33 replaced by what is allowed or not.
func TestCheckAddrNAT64ReadsAddressByPrefixLength(t *testing.T) {
	t.Parallel()
	for prefix, forms := range map[string][2]string{ // 8.8.4.4 and 169.254.169.254
		"2a00:db8::/32":         {"2a00:db8:808:404::", "2a00:db8:a9fe:a9fe::"},
		"2a00:db8:100::/40":     {"2a00:db8:108:804:4::", "2a00:db8:1a9:fea9:fe::"},
		"2a00:db8:122::/48":     {"2a00:db8:122:808:4:400::", "2a00:db8:122:a9fe:a9:fe00::"},
		"2a00:db8:122:300::/56": {"2a00:db8:122:308:8:404::", "2a00:db8:122:3a9:fe:a9fe::"},
		"2a00:db8:122:344::/64": {"2a00:db8:122:344:8:804:400::", "2a00:db8:122:344:a9:fea9:fe00::"},
		"2a00:db8:122:344::/96": {"2a00:db8:122:344::8.8.4.4", "2a00:db8:122:344::a9fe:a9fe"},
		"fd00:64::/96":          {"fd00:64::8.8.4.4", "fd00:64::a9fe:a9fe"},
		"64:ff9b:1:a00::/96":    {"64:ff9b:1:a00::8.8.4.4", "64:ff9b:1:a00::a9fe:a9fe"},
		"64:ff9b::/96":          {"64:ff9b::8.8.4.4", "64:ff9b::a9fe:a9fe"},
	} {
		g := New(Config{NAT64: prefixes(prefix)})
		assert.NoError(t, g.CheckAddr(netip.MustParseAddr(forms[0])), prefix)
		assert.ErrorIs(t, g.CheckAddr(netip.MustParseAddr(forms[1])), ErrRefused, prefix)
		wide := New(Config{NAT64: prefixes(prefix), Allow: prefixes("::/0")})
		assert.ErrorIs(t, wide.CheckAddr(netip.MustParseAddr(forms[1])), ErrRefused, prefix)
	}
	for _, prefix := range []string{"64:ff9b::/95", "::/0", "10.0.0.0/32", "::ffff:0:0/96", "2a00::/16"} {
		assert.False(t, IsNAT64(netip.MustParsePrefix(prefix)), prefix)
	}
}

// Whatever is allowed and named, an address below a NAT64 prefix is permitted only if its IPv4 address is.
func TestCheckAddrNAT64AcceptsOnlyPublicIPv4(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom(NAT64Lengths).Draw(t, "bits")
		raw := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address"))
		addr := netip.AddrFrom16(raw)
		if addr.Is4In6() {
			t.Skip("IPv4")
		}
		g := New(Config{NAT64: []netip.Prefix{netip.PrefixFrom(addr, bits)}, Allow: prefixes("::/0", "10.0.0.0/8")})
		if addr == netip.IPv6Loopback() || addr == netip.IPv6Unspecified() {
			t.Skip("these carry nothing")
		}
		inner := translatedBy(raw, bits)
		if (g.CheckAddr(addr) == nil) != (g.CheckAddr(inner) == nil || metadata[addr]) {
			t.Fatalf("%s carries %s by %d bits", addr, inner, bits)
		}
	})
}

// Metadata addresses are opened one by one.
func TestCheckAddrMetadataNeedsExactPrefix(t *testing.T) {
	t.Parallel()
	wide := New(Config{Allow: prefixes("0.0.0.0/0", "::/0", "169.254.0.0/16", "169.254.169.254/31", "fd00::/8", "100.64.0.0/10")})
	for addr := range metadata {
		assert.ErrorIs(t, wide.CheckAddr(addr), ErrRefused, addr)
		if addr.Is4() {
			mapped := netip.AddrFrom16(addr.As16())
			require.ErrorIs(t, wide.CheckAddr(mapped), ErrRefused, addr)
			nat64 := netip.MustParseAddr("64:ff9b::" + addr.String())
			require.ErrorIs(t, wide.CheckAddr(nat64), ErrRefused, addr)
		}
		named := New(Config{Allow: []netip.Prefix{netip.PrefixFrom(addr, addr.BitLen())}})
		assert.NoError(t, named.CheckAddr(addr), addr)
	}
	assert.NoError(t, wide.CheckAddr(netip.MustParseAddr("169.254.1.1")))
}
