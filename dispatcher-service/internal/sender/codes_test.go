package sender

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/hostile"
	"redrive/pkg/egress"
	"redrive/pkg/webhook"
)

// recordedCode returns the code that an attempt with the result is recorded with.
func recordedCode(t *testing.T, r webhook.Result) webhook.ErrorCode {
	t.Helper()
	d := newDispatch(t, "http://127.0.0.1/hook")
	outcome, err := webhook.Policy{}.Decide(d.Delivery, r, webhook.Now())
	require.NoError(t, err)
	return outcome.Attempt.ErrorCode
}

// TestErrorCodeOfRealFailures makes an attempt that fails in each way.
func TestErrorCodeOfRealFailures(t *testing.T) {
	t.Parallel()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	receiver := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	answering := func(script func(*hostile.Peer)) string { return hostile.Listen(t, script).URL }
	strict := New(Options{Guard: egress.New(egress.Config{AllowHTTP: true}), Timeout: hostile.Patience})
	t.Cleanup(strict.Close)
	withDNS := func(code byte) *Sender {
		s := newSender(t)
		dialer := &net.Dialer{Timeout: s.options.Timeout, Control: s.options.Guard.Control, Resolver: failingDNS(t, code)}
		s.transport.DialContext = dialer.DialContext
		return s
	}

	for name, c := range map[string]struct {
		sender *Sender
		url    string
		code   webhook.ErrorCode
	}{
		"2xx":                 {newSender(t), answering(hostile.Answered("HTTP/1.1 204 No Content\r\n\r\n")), ""},
		"404":                 {newSender(t), answering(hostile.Answered("HTTP/1.1 404 Not Found\r\n\r\n")), webhook.ErrorHTTPStatus},
		"a redirect":          {newSender(t), answering(hostile.Answered("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")), webhook.ErrorHTTPStatus},
		"a refused port":      {newSender(t), "http://" + closed.Addr().String(), webhook.ErrorConnectionRefused},
		"a reset":             {newSender(t), answering(func(p *hostile.Peer) { p.Request(); p.Reset() }), webhook.ErrorConnectionReset},
		"closed":              {newSender(t), answering(hostile.Answered("")), webhook.ErrorConnectionReset},
		"an unknown name":     {withDNS(3), "http://does-not-exist.invalid/hook", webhook.ErrorDNS},
		"a failing resolver":  {withDNS(2), "http://does-not-exist.invalid/hook", webhook.ErrorDNS},
		"untrusted TLS":       {newSender(t), receiver.URL, webhook.ErrorTLS},
		"no TLS":              {newSender(t), "https" + strings.TrimPrefix(answering(func(p *hostile.Peer) { p.Say("HTTP/1.0 400 Bad Request\r\n\r\n"); p.Silence() }), "http"), webhook.ErrorTLS},
		"not HTTP":            {newSender(t), answering(hostile.Answered("SSH-2.0-OpenSSH_9.9\r\n")), webhook.ErrorProtocol},
		"status 0":            {newSender(t), answering(hostile.Answered("HTTP/1.1 000 None\r\n\r\n")), webhook.ErrorProtocol},
		"too many headers":    {newSender(t), answering(hostile.Answered(ok + strings.Repeat("X-A: "+strings.Repeat("a", 100)+"\r\n", 200) + "\r\n")), webhook.ErrorProtocol},
		"a private address":   {strict, "http://127.0.0.1:1/hook", webhook.ErrorEgressRefused},
		"a URL that is none":  {newSender(t), "http://127.0.0.1:1/%zz", webhook.ErrorEgressRefused},
		"a scheme of no HTTP": {newSender(t), "gopher://127.0.0.1:1/hook", webhook.ErrorEgressRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := send(t, c.sender, newDispatch(t, c.url))
			assert.Equal(t, c.code, recordedCode(t, result), "%d %s", result.ResponseStatus, result.Failure)
		})
	}
}

func TestErrorCodeOfTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLingering(t, (*hostile.Peer).Silence)
		result := send(t, s, newDispatch(t, "http://203.0.113.1/hook"))
		assert.Equal(t, webhook.ErrorTimeout, recordedCode(t, result), result.Failure)
	})
}

// TestErrorCodeOfUnbuiltWebhookIsAbsent fails an attempt by a fault of this process, for which the receiver has no code.
func TestErrorCodeOfUnbuiltWebhookIsAbsent(t *testing.T) {
	t.Parallel()
	d := newDispatch(t, "http://127.0.0.1:1/hook")
	d.Endpoint.SigningSecrets = []webhook.SigningSecret{{Value: "not a secret"}}
	result := send(t, newSender(t), d)
	assert.Empty(t, recordedCode(t, result), result.Failure)
}
