package sender

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/hostile"
	"redrive/pkg/egress"
)

func cancelled(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// A destination that the guard refuses is refused when it is dialled. The reason names no address.
func TestEgressIsGuarded(t *testing.T) {
	t.Parallel()
	r := hostile.Listen(t, hostile.Answered(ok+"\r\n"))
	_, port, err := net.SplitHostPort(r.URL[len("http://") : len(r.URL)-len("/hook")])
	require.NoError(t, err)
	for name, c := range map[string]struct {
		config  egress.Config
		url     string
		failure string
	}{
		"loopback":         {egress.Config{AllowHTTP: true}, r.URL, "not a public internet address"},
		"loopback by name": {egress.Config{AllowHTTP: true}, "http://localhost:" + port, "not a public internet address"},
		"mapped":           {egress.Config{AllowHTTP: true}, "http://[::ffff:127.0.0.1]:" + port, "not a public internet address"},
		"short":            {egress.Config{AllowHTTP: true}, "http://0:" + port, "not"},
		"metadata":         {egress.Config{AllowHTTP: true}, "http://169.254.169.254/latest/meta-data", "not a public internet address"},
		"plain http":       {egress.Config{}, r.URL, "plain http is not allowed"},
		"another scheme":   {egress.Config{AllowHTTP: true}, "gopher://127.0.0.1:" + port, "https://"},
		"no URL":           {egress.Config{AllowHTTP: true}, "http://127.0.0.1:" + port + "/%zz", "URL is not valid"},
		"no host":          {egress.Config{AllowHTTP: true}, "http:///hook", ""},
	} {
		s := New(Options{Guard: egress.New(c.config), Timeout: hostile.Patience})
		result := send(t, s, newDispatch(t, c.url))
		assert.Zero(t, result.ResponseStatus, name)
		assert.Contains(t, result.Failure, c.failure, name)
		assert.NotContains(t, result.Failure, "169.254", name)
		s.Close()
	}
	assert.Empty(t, r.Connections)
}

func TestRefusedPort(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	result := send(t, newSender(t), newDispatch(t, "http://"+listener.Addr().String()))
	assert.Equal(t, "the connection was refused", result.Failure)
}

// Names that cannot be resolved: a server that reports it, and a server that is broken.
func TestNamesThatDoNotResolve(t *testing.T) {
	t.Parallel()
	const noSuchName, serverFailed = 3, 2
	for name, c := range map[string]struct {
		code    byte
		failure string
	}{
		"NXDOMAIN": {code: noSuchName, failure: "the endpoint's host name does not exist"},
		"SERVFAIL": {code: serverFailed, failure: "the endpoint's host name could not be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			dialer := &net.Dialer{Timeout: s.options.Timeout, Control: s.options.Guard.Control, Resolver: failingDNS(t, c.code)}
			s.transport.DialContext = dialer.DialContext // as New makes it, but for the resolver
			result := send(t, s, newDispatch(t, "http://does-not-exist.invalid/hook"))
			assert.Equal(t, c.failure, result.Failure)
			assertUsable(t, s)
		})
	}
}

// failingDNS resolves every name at a server that answers with the code.
func failingDNS(t *testing.T, code byte) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan struct{})
	go func() {
		defer close(served)
		query := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			reply := append([]byte{}, query[:n]...) // the question again (RFC 1035, section 4.1)
			reply[2], reply[3] = 0x81, 0x80|code
			reply[10], reply[11] = 0, 0 // without the additional record of the query
			_, _ = conn.WriteTo(reply[:questionEnd(reply)], from)
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
	})
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", conn.LocalAddr().String())
	}}
}

func questionEnd(message []byte) int {
	end := 12 // of the header
	for message[end] != 0 {
		end += int(message[end]) + 1
	}
	return end + 5
}
