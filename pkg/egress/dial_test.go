package egress

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestControlEveryNetworkAndAddress(t *testing.T) {
	g := New(Config{})
	for _, address := range []string{"8.8.8.8:443", "[2606:4700:4700::1111]:443"} {
		assert.NoError(t, g.Control("tcp", address, nil), address)
	}
	for _, address := range []string{
		"127.0.0.1:443", "[::1]:443", "[::ffff:127.0.0.1]:443", "[fe80::1%eth0]:443", "169.254.169.254:80",
		"8.8.8.8:0", "8.8.8.8", "example.com:443", "", ":443", "8.8.8.8:65536", "/var/run/docker.sock",
	} {
		assert.ErrorIs(t, g.Control("tcp4", address, nil), ErrRefused, address)
	}
	for _, network := range []string{"udp", "udp4", "ip4:icmp", "unix", ""} {
		assert.ErrorIs(t, g.Control(network, "8.8.8.8:443", nil), ErrRefused, network)
	}
}

func TestDialForbiddenAddressIsRefused(t *testing.T) {
	var listen net.ListenConfig
	listener, err := listen.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	address := listener.Addr().String()
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)

	dial := func(g *Guard, address string) error {
		dialer := net.Dialer{Control: g.Control, Timeout: time.Minute}
		conn, err := dialer.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}

	strict, open := New(Config{}), New(Config{Allow: prefixes("127.0.0.0/8")})
	for _, disguise := range []string{address, "[::ffff:127.0.0.1]:" + port, "localhost:" + port, "0.0.0.0:" + port} {
		assert.ErrorIs(t, dial(strict, disguise), ErrRefused, disguise)
	}
	assert.NoError(t, dial(open, address))
	assert.NoError(t, dial(open, "[::ffff:127.0.0.1]:"+port))
}

// DNS answers with a public address when the endpoint is saved, and with a private one when it is dialled.
func TestDialReboundNameIsRefused(t *testing.T) {
	var received atomic.Int32
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { received.Add(1) }))
	defer receiver.Close()
	_, port, err := net.SplitHostPort(receiver.Listener.Addr().String())
	require.NoError(t, err)
	url := "http://rebind.example.com:" + port + "/hook"

	names := startDNS(t, "93.184.216.34")
	strict := New(Config{AllowHTTP: true, Resolver: names.resolver})
	open := New(Config{AllowHTTP: true, Resolver: names.resolver, Allow: prefixes("127.0.0.0/8")})
	require.NoError(t, strict.CheckURL(t.Context(), url), "public when saved")

	names.answer.Store(netip.MustParseAddr("127.0.0.1"))
	get := func(g *Guard) error {
		dialer := net.Dialer{Control: g.Control, Resolver: names.resolver, Timeout: time.Minute}
		client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		return response.Body.Close()
	}
	err = get(strict)
	require.ErrorIs(t, err, ErrRefused, "private when dialled")
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, netip.MustParseAddr("127.0.0.1"), refusal.Addr)
	assert.Zero(t, received.Load())

	require.ErrorIs(t, strict.CheckURL(t.Context(), url), ErrRefused, "private when saved again")
	require.NoError(t, get(open), "the same way without a refusal")
	assert.EqualValues(t, 1, received.Load())
}

// fakeDNS is a DNS server that answers every name with one IPv4 address, which the test can change.
type fakeDNS struct {
	resolver *net.Resolver
	answer   atomic.Value // of netip.Addr
}

func startDNS(t *testing.T, answer string) *fakeDNS {
	t.Helper()
	var listen net.ListenConfig
	conn, err := listen.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
	})

	dns := &fakeDNS{resolver: &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, "udp4", conn.LocalAddr().String())
		},
	}}
	dns.answer.Store(netip.MustParseAddr(answer))
	go func() {
		defer close(served)
		query := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(dns.reply(query[:n]), from)
		}
	}()
	return dns
}

// reply answers a query of one question (RFC 1035, section 4).
func (f *fakeDNS) reply(query []byte) []byte {
	const headerSize, typeA = 12, 1
	nameEnd := headerSize + bytes.IndexByte(query[headerSize:], 0) + 1
	question := query[headerSize : nameEnd+4]

	message := append([]byte{}, query[:2]...)                     // the query's ID
	message = append(message, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0) // an answer without error; one question
	message = append(message, question...)                        // repeated
	if binary.BigEndian.Uint16(query[nameEnd:]) == typeA {        // nothing is known of AAAA
		message[7] = 1                                              // one answer:
		message = append(message, 0xc0, headerSize, 0, typeA, 0, 1) // the name of the question, type A, class IN
		message = append(message, 0, 0, 0, 0, 0, 4)                 // not to be cached, four bytes
		message = append(message, f.answer.Load().(netip.Addr).AsSlice()...)
	}
	return message
}
