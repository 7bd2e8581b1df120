package sender

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/pkg/egress"
)

// head is the beginning of a request as it arrived.
type head struct{ line, host string }

// rawReceiver answers every request 204 and reports the bytes of its request line and Host header.
func rawReceiver(t *testing.T) (address string, heads <-chan head) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	arrived, served := make(chan head, 16), make(chan struct{})
	t.Cleanup(func() {
		_ = listener.Close()
		<-served
	})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reader := bufio.NewReader(conn)
			var h head
			h.line, _ = reader.ReadString('\n')
			for line := "x"; line != "" && line != "\r\n"; {
				line, _ = reader.ReadString('\n')
				if value, found := strings.CutPrefix(line, "Host: "); found {
					h.host = strings.TrimSuffix(value, "\r\n")
				}
			}
			arrived <- h
			_, _ = fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), arrived
}

// senderTo is a sender whose connections all lead to one address, whatever their host.
func senderTo(t *testing.T, address string) *Sender {
	t.Helper()
	s := New(Options{Guard: loopbackGuard(), UserAgent: "Redrive/test"})
	s.transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	t.Cleanup(s.Close)
	return s
}

// noNames resolves every name to nothing.
type noNames struct{}

func (noNames) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) { return nil, nil }

var (
	hosts = []string{
		"example.com", "EXAMPLE.com", "xn--bcher-kva.de", "my_host.example.com", "8.8.8.8", "[2606:4700::1111]", "[2606:4700:0:0::ABCD]",
	}
	ports   = []string{"", ":80", ":443", ":8443", ":65535"}
	schemes = []string{"http", "HTTP", "Http"}
	pieces  = []string{
		"/", "//", "/.", "/./", "/..", "/../", "a", "B", "~", "%2F", "%2f", "%2e", "%2E%2e", "%00", "%0a", "%7C", "%7c", "%C3%bc", "%25", "%20",
		"?", "??", "&a=b", "=", "+", ";", ";v=1", ",", ":", "@", "!", "$", "'", "(", ")", "*", "[", "]", "-", "_", "%zz", "%",
		"|", "^", "`", "{", "}", "\"", "<", ">", "\\", " ", "\t", "\n", "#", "#top", "ü", "\xff", "\x7f", "\x00", strings.Repeat("x", 2000),
	}
)

// Every URL that can be saved is requested byte for byte.
func TestSendRequestsTheSavedBytes(t *testing.T) {
	address, heads := rawReceiver(t)
	s := senderTo(t, address)
	guard := egress.New(egress.Config{AllowHTTP: true, Resolver: noNames{}})
	d := newDispatch(t, "")
	accepted := 0
	check := func(t require.TestingT, scheme, authority, rest string) {
		if rest != "" && rest[0] != '/' && rest[0] != '?' {
			rest = "/" + rest
		}
		raw := scheme + "://" + authority + rest
		if guard.CheckURL(context.Background(), raw) != nil {
			return
		}
		accepted++
		d.Endpoint.URL = raw
		result, err := s.Send(context.Background(), d)
		require.NoError(t, err)
		require.Equal(t, 204, result.ResponseStatus, "%q: %s", raw, result.Failure)
		h := <-heads
		if !strings.HasPrefix(rest, "/") {
			rest = "/" + rest // HTTP has no empty path
		}
		require.Equal(t, "POST "+rest+" HTTP/1.1\r\n", h.line, "%q", raw)
		require.Equal(t, authority, h.host, "%q", raw)
	}
	for _, piece := range pieces {
		check(t, "http", "example.com", piece)
		check(t, "http", "example.com", "/p%2Fq/"+piece+"/r")
		check(t, "http", "example.com", "/p?q="+piece)
	}
	rapid.Check(t, func(t *rapid.T) {
		authority := rapid.SampledFrom(hosts).Draw(t, "host") + rapid.SampledFrom(ports).Draw(t, "port")
		rest := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 6).Draw(t, "rest"), "")
		check(t, rapid.SampledFrom(schemes).Draw(t, "scheme"), authority, rest)
	})
	assert.Greater(t, accepted, 100)
}

// Endpoints that were saved before such paths were refused are requested in the form that their receivers expect.
func TestSendOldURLWithUnsafePathAsBefore(t *testing.T) {
	address, heads := rawReceiver(t)
	s := senderTo(t, address)
	for path, target := range map[string]string{"/hook|v1": "/hook%7Cv1", "/{a}?b=|": "/%7Ba%7D?b=|"} {
		d := newDispatch(t, "http://example.com"+path)
		result, err := s.Send(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, 204, result.ResponseStatus)
		assert.Equal(t, "POST "+target+" HTTP/1.1\r\n", (<-heads).line)
	}
}
