package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeResolver answers from a map, and NXDOMAIN for every other name.
type fakeResolver map[string][]string

func (r fakeResolver) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	if network != "ip" {
		return nil, errors.New("asked for half of the addresses only")
	}
	answer, found := r[strings.TrimSuffix(host, ".")]
	if !found {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	addrs := make([]netip.Addr, 0, len(answer))
	for _, text := range answer {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

var dns = fakeResolver{
	"example.com":         {"93.184.216.34", "2606:2800:220:1::1"},
	"mapped.example.com":  {"::ffff:93.184.216.34"},
	"empty.example.com":   {},
	"xn--bcher-kva.de":    {"93.184.216.34"},
	"intranet":            {"10.1.2.3"},
	"private.example.com": {"10.1.2.3"},
	"mixed.example.com":   {"93.184.216.34", "10.1.2.3"},
	"six.example.com":     {"93.184.216.34", "fd00::1"},
	"zoned.example.com":   {"fe80::1%eth0"},
	"hidden.example.com":  {"::ffff:10.1.2.3"},
	"nat64.example.com":   {"64:ff9b::a9fe:a9fe"},

	"metadata.google.internal": {"169.254.169.254"},
}

func TestCheckURLEveryForm(t *testing.T) {
	long := "https://example.com/" + strings.Repeat("a", maxURLLength-len("https://example.com/"))
	label := strings.Repeat("a", 63)

	tests := []struct{ url, reason string }{
		// accepted
		{"https://example.com", ""},
		{"https://example.com/", ""},
		{"https://example.com/hook?tenant=1&next=https://10.0.0.1/", ""},
		{"https://example.com?tenant=1", ""},
		{"https://example.com:443/hook", ""},
		{"https://example.com:8443/hook", ""},
		{"https://example.com:2/", ""},
		{"https://example.com:65535/", ""},
		{"HTTPS://EXAMPLE.com/Hook", ""},
		{"https://example.com/a@b:c", ""},
		{"https://example.com/%C3%BC?x=%00", ""},
		{"https://example.com//double/../dots", ""},
		{"https://example.com///", ""},
		{"https://example.com/./a/%2e%2E/b%2fc%2F;v=1,2", ""},
		{"https://example.com/%00%0a%0D%c3%bc", ""},
		{"https://example.com/!$&'()*+,;=:@-._~[]", ""},
		{"https://example.com?", ""},
		{"https://example.com/??a=b?c", ""},
		{"https://example.com/?|^`{}<>\"[]%zz+", ""},
		{"https://xn--bcher-kva.de/hook", ""},
		{"https://my_host.example.com/", ""},
		{"https://1and1.com/", ""},
		{"https://0x.org/", ""},
		{"https://127.0.0.1.example.com/", ""},
		{"https://mapped.example.com/", ""},
		{"https://not-there-yet.example.com/", ""},
		{"https://empty.example.com/", ""},
		{"https://8.8.8.8/", ""},
		{"https://8.8.8.8:8443/", ""},
		{"https://[2606:4700:4700::1111]/", ""},
		{"https://[2606:4700:4700::1111]:8443/", ""},
		{long, ""},
		{"https://" + label + "." + label + ".example.com/", ""},

		// text
		{"", ReasonInvalidURL},
		{"example.com", ReasonInvalidURL},
		{"example.com/hook", ReasonInvalidURL},
		{"/hook", ReasonInvalidURL},
		{"//example.com/hook", ReasonInvalidURL},
		{"//example.com:443/hook", ReasonInvalidURL},
		{"https:example.com", ReasonInvalidURL},
		{"https:/example.com", ReasonInvalidURL},
		{long + "a", ReasonInvalidURL},
		{" https://example.com/", ReasonInvalidURL},
		{"https://example.com/ ", ReasonInvalidURL},
		{"https://example.com/a b", ReasonInvalidURL},
		{"https://example.com/\x00", ReasonInvalidURL},
		{"https://example.com/\r\nHost: internal", ReasonInvalidURL},
		{"https://exa\tmple.com/", ReasonInvalidURL},
		{"https://example.com/\x7f", ReasonInvalidURL},
		{`https://example.com\@10.0.0.1/`, ReasonInvalidURL},
		{`https:\\example.com/`, ReasonInvalidURL},
		{"https://example.com/#", ReasonInvalidURL},
		{"https://example.com/#top", ReasonInvalidURL},
		{"https://example.com#@10.0.0.1/", ReasonInvalidURL},
		{"https://example.com/%zz", ReasonInvalidURL},
		{"https://example.com/ü", ReasonInvalidURL},
		{"https://example.com/\xff", ReasonInvalidURL},
		{"https://example.com/\u2028", ReasonInvalidURL},
		{"https://example.com/p/group%2Fproject/hook|v1", ReasonInvalidURL},
		{"https://example.com/x/%2e%2e/admin|", ReasonInvalidURL},
		{"https://example.com/|", ReasonInvalidURL},
		{"https://example.com/a^b", ReasonInvalidURL},
		{"https://example.com/a`b", ReasonInvalidURL},
		{"https://example.com/{tenant}", ReasonInvalidURL},
		{`https://example.com/"a"`, ReasonInvalidURL},
		{"https://example.com/<a>?b=1", ReasonInvalidURL},
		{"https://example.com/a%", ReasonInvalidURL},
		{"https://example.com/a%2", ReasonInvalidURL},
		{"https://example.com/a%2g", ReasonInvalidURL},

		// scheme
		{"http://example.com/", ReasonSchemeNotAllowed},
		{"HTTP://example.com/", ReasonSchemeNotAllowed},
		{"ftp://example.com/", ReasonSchemeNotAllowed},
		{"file:///etc/passwd", ReasonSchemeNotAllowed},
		{"gopher://example.com:6379/_FLUSHALL", ReasonSchemeNotAllowed},
		{"javascript:alert(1)", ReasonSchemeNotAllowed},
		{"data:text/plain,x", ReasonSchemeNotAllowed},
		{"unix:///var/run/docker.sock", ReasonSchemeNotAllowed},
		{"ws://example.com/", ReasonSchemeNotAllowed},
		{"httpss://example.com/", ReasonSchemeNotAllowed},
		{"://example.com/", ReasonSchemeNotAllowed},
		{"example.com:443/hook", ReasonSchemeNotAllowed},

		// credentials
		{"https://user@example.com/", ReasonCredentialsInURL},
		{"https://user:hunter2@example.com/", ReasonCredentialsInURL},
		{"https://:hunter2@example.com/", ReasonCredentialsInURL},
		{"https://@example.com/", ReasonCredentialsInURL},
		{"https://example.com@10.0.0.1/", ReasonCredentialsInURL},
		{"https://a@b@example.com/", ReasonCredentialsInURL},
		{"https://example.com:443@10.0.0.1/", ReasonCredentialsInURL},

		// port
		{"https://example.com:/", ReasonInvalidPort},
		{"https://example.com:0/", ReasonInvalidPort},
		{"https://example.com:65536/", ReasonInvalidPort},
		{"https://example.com:99999999999999999999/", ReasonInvalidPort},
		{"https://example.com:-1/", ReasonInvalidPort},
		{"https://example.com:+443/", ReasonInvalidPort},
		{"https://example.com:0443/", ReasonInvalidPort},
		{"https://example.com:443:80/", ReasonInvalidPort},
		{"https://example.com:https/", ReasonInvalidPort},
		{"https://example.com:٤٤٣/", ReasonInvalidPort},
		{"https://[2606:4700:4700::1111]:/", ReasonInvalidPort},
		{"https://[2606:4700:4700::1111]:0/", ReasonInvalidPort},
		{"https://::1/", ReasonInvalidPort},
		{"https://2606:4700:4700::1111/", ReasonInvalidPort},

		// host
		{"https://", ReasonInvalidHost},
		{"https:///hook", ReasonInvalidHost},
		{"https://?x", ReasonInvalidHost},
		{"https://:443/", ReasonInvalidHost},
		{"https://example.com./", ReasonInvalidHost},
		{"https://127.0.0.1./", ReasonInvalidHost},
		{"https://./", ReasonInvalidHost},
		{"https://.example.com/", ReasonInvalidHost},
		{"https://example..com/", ReasonInvalidHost},
		{"https://-example.com/", ReasonInvalidHost},
		{"https://example-.com/", ReasonInvalidHost},
		{"https://" + label + "a.com/", ReasonInvalidHost},
		{"https://" + strings.Repeat(label+".", 4) + "com/", ReasonInvalidHost},
		{"https://bücher.de/", ReasonInvalidHost},
		{"https://exa\xadmple.com/", ReasonInvalidHost},
		{"https://１２７.0.0.1/", ReasonInvalidHost},
		{"https://①②⑦.0.0.1/", ReasonInvalidHost},
		{"https://127。0。0。1/", ReasonInvalidHost},
		{"https://exa%6dple.com/", ReasonInvalidHost},
		{"https://127.0.0.1%2f.example.com/", ReasonInvalidHost},
		{"https://example.com%00/", ReasonInvalidHost},
		{"https://example.com,10.0.0.1/", ReasonInvalidHost},
		{"https://example.com;/", ReasonInvalidHost},
		{"https://exa*mple.com/", ReasonInvalidHost},
		{"https://2130706433/", ReasonInvalidHost},
		{"https://0/", ReasonInvalidHost},
		{"https://0x7f000001/", ReasonInvalidHost},
		{"https://0X7F000001/", ReasonInvalidHost},
		{"https://0x7f.1/", ReasonInvalidHost},
		{"https://0x7f.0x0.0x0.0x1/", ReasonInvalidHost},
		{"https://0x/", ReasonInvalidHost},
		{"https://017700000001/", ReasonInvalidHost},
		{"https://0177.0.0.1/", ReasonInvalidHost},
		{"https://127.0.0.01/", ReasonInvalidHost},
		{"https://127.1/", ReasonInvalidHost},
		{"https://127.0.1/", ReasonInvalidHost},
		{"https://256.0.0.1/", ReasonInvalidHost},
		{"https://1.2.3.4.5/", ReasonInvalidHost},
		{"https://example.1/", ReasonInvalidHost},
		{"https://example.0x7f/", ReasonInvalidHost},
		{"https://4294967296/", ReasonInvalidHost},
		{"https://[::1/", ReasonInvalidHost},
		{"https://[::1]x/", ReasonInvalidHost},
		{"https://::1]/", ReasonInvalidPort},
		{"https://[]/", ReasonInvalidHost},
		{"https://[127.0.0.1]/", ReasonInvalidHost},
		{"https://[example.com]/", ReasonInvalidHost},
		{"https://[v1.fe80::1]/", ReasonInvalidHost},
		{"https://[fe80::1%25eth0]/", ReasonInvalidHost},
		{"https://[fe80::1%eth0]/", ReasonInvalidHost},
		{"https://[2606:4700:4700::1111%25eth0]/", ReasonInvalidHost},
		{"https://[[::1]]/", ReasonInvalidHost},

		// destination
		{"https://127.0.0.1/", ReasonDestinationNotAllowed},
		{"https://127.0.0.1:6379/", ReasonDestinationNotAllowed},
		{"https://169.254.169.254/latest/meta-data/", ReasonDestinationNotAllowed},
		{"https://0.0.0.0/", ReasonDestinationNotAllowed},
		{"https://255.255.255.255/", ReasonDestinationNotAllowed},
		{"https://[::1]/", ReasonDestinationNotAllowed},
		{"https://[::]/", ReasonDestinationNotAllowed},
		{"https://[0:0:0:0:0:0:0:1]/", ReasonDestinationNotAllowed},
		{"https://[::ffff:127.0.0.1]/", ReasonDestinationNotAllowed},
		{"https://[::FFFF:7F00:1]/", ReasonDestinationNotAllowed},
		{"https://[::ffff:8.8.8.8]/", ReasonDestinationNotAllowed},
		{"https://[64:ff9b::169.254.169.254]/", ReasonDestinationNotAllowed},
		{"https://[2002:7f00:1::]:443/", ReasonDestinationNotAllowed},
		{"https://[fd00:ec2::254]/", ReasonDestinationNotAllowed},
		{"https://localhost/", ReasonDestinationNotAllowed},
		{"https://LOCALHOST:8080/", ReasonDestinationNotAllowed},
		{"https://app.localhost/", ReasonDestinationNotAllowed},
		{"https://intranet/", ReasonDestinationNotAllowed},
		{"https://private.example.com/", ReasonDestinationNotAllowed},
		{"https://PRIVATE.example.COM/", ReasonDestinationNotAllowed},
		{"https://mixed.example.com/", ReasonDestinationNotAllowed},
		{"https://six.example.com/", ReasonDestinationNotAllowed},
		{"https://zoned.example.com/", ReasonDestinationNotAllowed},
		{"https://hidden.example.com/", ReasonDestinationNotAllowed},
		{"https://nat64.example.com/", ReasonDestinationNotAllowed},
		{"https://metadata.google.internal/", ReasonDestinationNotAllowed},
	}

	g := New(Config{Resolver: dns})
	for _, test := range tests {
		err := g.CheckURL(t.Context(), test.url)
		if test.reason == "" {
			assert.NoError(t, err, "%q", test.url)
			continue
		}
		var refusal *Refusal
		if !assert.ErrorAs(t, err, &refusal, "%q", test.url) {
			continue
		}
		assert.Equal(t, test.reason, refusal.Reason, "%q", test.url)
		assert.ErrorIs(t, err, ErrRefused)
		assert.NotContains(t, err.Error(), "hunter2")
		assert.NotContains(t, err.Error(), "10.1.2.3")
		assert.Regexp(t, `^([a-z]|IPv[46] ).*[^.]$`, refusal.Message, "as all other messages of the API begin and end")
	}
}

// The message names the character and its encoding, and the URL that follows it is accepted.
func TestCheckURLUnsafePathSuggestsEncoding(t *testing.T) {
	g := New(Config{Resolver: dns})
	for _, c := range `"<>^{|}` + "`" {
		character := string(c)
		err := g.CheckURL(t.Context(), "https://example.com/a%2Fb/"+character+"?c="+character)
		var refusal *Refusal
		require.ErrorAs(t, err, &refusal, character)
		encoded := fmt.Sprintf("%%%X", c)
		assert.Equal(t, "write "+character+" in the path of the URL as "+encoded+"; a URL is requested as it is saved", refusal.Message)
		assert.NoError(t, g.CheckURL(t.Context(), "https://example.com/a%2Fb/"+encoded+"?c="+character))
	}
}

func TestCheckURLEveryConfig(t *testing.T) {
	loopback := Config{AllowHTTP: true, Resolver: dns, Allow: prefixes("127.0.0.0/8", "10.1.0.0/16")}
	tests := []struct {
		cfg         Config
		url, reason string
	}{
		{loopback, "http://example.com/", ""},
		{loopback, "https://example.com/", ""},
		{loopback, "ftp://example.com/", ReasonSchemeNotAllowed},
		{loopback, "http://127.0.0.1:9000/", ""},
		{loopback, "http://[::ffff:127.0.0.1]:9000/", ""},
		{loopback, "http://localhost:9000/", ""},
		{loopback, "http://private.example.com/", ""},
		{loopback, "http://mixed.example.com/", ""},
		{loopback, "http://127.1/", ReasonInvalidHost},
		{loopback, "http://[::1]/", ReasonDestinationNotAllowed},
		{loopback, "http://six.example.com/", ReasonDestinationNotAllowed},
		{loopback, "http://169.254.169.254/", ReasonDestinationNotAllowed},
		{Config{Resolver: dns, Allow: prefixes("::1/128")}, "https://localhost/", ""},
		{Config{Resolver: dns, Allow: prefixes("10.0.0.0/8")}, "https://localhost/", ReasonDestinationNotAllowed},
	}
	for _, test := range tests {
		err := New(test.cfg).CheckURL(t.Context(), test.url)
		if test.reason == "" {
			assert.NoError(t, err, test.url)
			continue
		}
		var refusal *Refusal
		if assert.ErrorAs(t, err, &refusal, test.url) {
			assert.Equal(t, test.reason, refusal.Reason, test.url)
		}
	}
}

// slowResolver answers when the lookup's own deadline has passed.
type slowResolver struct{}

func (slowResolver) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestCheckURLSlowDNSIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, New(Config{Resolver: slowResolver{}}).CheckURL(t.Context(), "https://example.com/"), "a name that does not resolve is accepted")
		assert.Equal(t, defaultResolveTimeout, time.Since(start))
	})
}

func TestCheckURLAddressIsNotLookedUp(t *testing.T) {
	never := New(Config{Resolver: panickingResolver{}})
	assert.NoError(t, never.CheckURL(t.Context(), "https://8.8.8.8/"))
	assert.Error(t, never.CheckURL(t.Context(), "https://127.0.0.1/"))
	assert.Error(t, never.CheckURL(t.Context(), "https://localhost/"))
	assert.Error(t, never.CheckURL(t.Context(), "https://2130706433/"))
}

type panickingResolver struct{}

func (panickingResolver) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	panic("asked DNS about an address")
}

func TestCheckSchemeEveryScheme(t *testing.T) {
	strict, lax := New(Config{}), New(Config{AllowHTTP: true})
	assert.NoError(t, strict.CheckScheme("https"))
	assert.ErrorIs(t, strict.CheckScheme("http"), ErrRefused)
	assert.ErrorIs(t, strict.CheckScheme(""), ErrRefused)
	assert.NoError(t, lax.CheckScheme("https"))
	assert.NoError(t, lax.CheckScheme("HTTP"))
	assert.ErrorIs(t, lax.CheckScheme("file"), ErrRefused)
}
