package egress

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var internalNames = []string{
	"vault", "vault2", "VAULT", "intranet", "metadata", "kubernetes", "com", "xn--bcher-kva",
	"vault.internal", "vault.INTERNAL", "metadata.google.internal", "printer.local", "db.svc", "db.prod.svc.cluster.local", "app.localhost.lan",
	"router.home.arpa", "1.0.0.10.in-addr.arpa", "nas.lan", "wiki.intranet", "wiki.corp", "wiki.private", "a.home", "a.mail", "a.localdomain",
	"a.test", "a.example", "a.invalid", "a.onion", "a.alt", "vault.service.consul", "redis.default", "a.kube", "a.docker", "a.xn--nothing",
}

// An internal name is refused without a lookup, so that the answer does not depend on the internal DNS.
func TestCheckURLInternalNameIsNotLookedUp(t *testing.T) {
	t.Parallel()
	g := New(Config{AllowHTTP: true, Resolver: panickingResolver{}})
	for _, name := range internalNames {
		for _, url := range []string{"http://" + name + "/", "https://" + name + ":8443/hook"} {
			var refusal *Refusal
			require.ErrorAs(t, g.CheckURL(t.Context(), url), &refusal, url)
			assert.Equal(t, ReasonDestinationNotAllowed, refusal.Reason, url)
			assert.Equal(t, "the host is not a public internet name; use a host that can be reached from the internet", refusal.Message)
			assert.False(t, refusal.Addr.IsValid())
		}
		var refusal *Refusal
		require.ErrorAs(t, g.CheckURL(t.Context(), "https://"+name+"./"), &refusal, name)
		assert.Equal(t, ReasonInvalidHost, refusal.Reason, "with a dot at the end")
	}
}

// With Config.Allow, a name is accepted if all its addresses are allowed. All other names get the same refusal.
func TestCheckURLInternalNameAllowedAddressIsAccepted(t *testing.T) {
	t.Parallel()
	names := fakeResolver{
		"receiver": {"10.1.2.3"}, "two.internal": {"10.1.2.3", "10.1.2.4"}, "mixed.internal": {"10.1.2.3", "10.9.9.9"}, "vault": {"10.9.9.9"},
		"public": {"93.184.216.34"}, "none.internal": {}, "nat.internal": {"64:ff9b::10.1.2.3"},
	}
	g := New(Config{AllowHTTP: true, Resolver: names, Allow: prefixes("10.1.0.0/16")})
	require.NoError(t, g.CheckURL(t.Context(), "http://receiver:8099/ok"))
	require.NoError(t, g.CheckURL(t.Context(), "http://RECEIVER:8099/ok"))
	require.NoError(t, g.CheckURL(t.Context(), "http://two.internal/"))
	unknown := g.CheckURL(t.Context(), "http://vault2/")
	require.Error(t, unknown)
	for _, host := range []string{"vault", "mixed.internal", "public", "none.internal", "nat.internal"} {
		assert.Equal(t, unknown, g.CheckURL(t.Context(), "http://"+host+"/"), host)
	}
}

// exhausted is a resolver without a file descriptor for its query.
type exhausted struct{}

func (exhausted) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "dial udp 127.0.0.53:53: socket: " + syscall.EMFILE.Error(), Name: host, IsTemporary: true}
}

// A lack of our own file descriptors is no reason to refuse a URL: Control judges the addresses when they are dialled.
func TestCheckURLWithoutDescriptorsIsAccepted(t *testing.T) {
	t.Parallel()
	for _, allow := range [][]netip.Prefix{nil, prefixes("10.1.0.0/16")} {
		g := New(Config{AllowHTTP: true, Resolver: exhausted{}, Allow: allow})
		require.NoError(t, g.CheckURL(t.Context(), "https://example.com/hook"))
	}
	open := New(Config{AllowHTTP: true, Resolver: exhausted{}, Allow: prefixes("10.1.0.0/16")})
	require.NoError(t, open.CheckURL(t.Context(), "http://receiver:8099/ok"))
	closed := New(Config{AllowHTTP: true, Resolver: exhausted{}})
	require.Error(t, closed.CheckURL(t.Context(), "http://receiver:8099/ok"), "it is not looked up")
}

// searching is a resolver with a search list: every name that does not end in a dot exists inside.
type searching struct{}

func (searching) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	if strings.HasSuffix(host, ".") {
		return fakeResolver{}.LookupNetIP(context.Background(), "ip", host)
	}
	return []netip.Addr{netip.MustParseAddr("10.1.2.3")}, nil
}

func TestCheckURLIgnoresSearchDomains(t *testing.T) {
	t.Parallel()
	g := New(Config{Resolver: searching{}})
	assert.NoError(t, g.CheckURL(t.Context(), "https://vault.dev/"))
	assert.NoError(t, g.CheckURL(t.Context(), "https://vault.default.app/"))
}

func TestDialAddressPublicNameGetsTrailingDot(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"example.com:443": "example.com.:443", "EXAMPLE.com:443": "EXAMPLE.com.:443", "example.com.:443": "example.com.:443",
		"hooks.github.io:80": "hooks.github.io.:80", "a.b.ck:80": "a.b.ck.:80", "xn--bcher-kva.xn--p1ai:1": "xn--bcher-kva.xn--p1ai.:1",
		"receiver:8099": "receiver:8099", "localhost:80": "localhost:80", "db.prod.svc:80": "db.prod.svc:80",
		"127.0.0.1:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "nonsense": "nonsense",
	} {
		assert.Equal(t, want, DialAddress(address))
	}
}

func TestCheckURLBadPortIsRefused(t *testing.T) {
	t.Parallel()
	g := New(Config{AllowHTTP: true, Resolver: dns})
	assert.Len(t, badPorts, 83, "of the standard, port 0 among them")
	for _, port := range []string{"1", "22", "25", "53", "110", "143", "389", "465", "587", "993", "995", "2049", "5060", "6000", "6667", "10080"} {
		for _, host := range []string{"example.com", "8.8.8.8", "[2606:4700::1111]"} {
			var refusal *Refusal
			require.ErrorAs(t, g.CheckURL(t.Context(), "http://"+host+":"+port+"/"), &refusal, port)
			assert.Equal(t, ReasonInvalidPort, refusal.Reason)
		}
	}
	for _, port := range []string{"80", "81", "443", "3000", "5000", "8080", "8443", "9000", "10000", "65535"} {
		assert.NoError(t, g.CheckURL(t.Context(), "http://example.com:"+port+"/"), port)
	}
}
