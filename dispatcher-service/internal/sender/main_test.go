package sender

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/hostile"
	"redrive/pkg/egress"
	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) {
	new(lookups).warm() // The resolver keeps a channel, which must not be made inside a synctest bubble.
	goleak.VerifyTestMain(m)
}

const ok = "HTTP/1.1 200 OK\r\n"

func loopbackGuard() *egress.Guard {
	return egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

// newSender makes a sender with a timeout that no receiver reaches, except those that never end the exchange. They need virtual time.
func newSender(t *testing.T) *Sender {
	t.Helper()
	s := New(Options{Guard: loopbackGuard(), Timeout: hostile.Patience, UserAgent: "Redrive/test"})
	t.Cleanup(s.Close)
	return s
}

func newSecret(t *testing.T) (webhook.Secret, signing.Key) {
	t.Helper()
	secret, err := signing.NewSecret()
	require.NoError(t, err)
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	return webhook.Secret(secret), key
}

func newDispatch(t *testing.T, url string) webhook.Dispatch {
	t.Helper()
	secret, _ := newSecret(t)
	now := webhook.Now()
	endpoint := webhook.NewEndpoint("org_a", "key_a", webhook.EndpointSpec{Name: "n", URL: url}, secret, now)
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", RunID: "run_1", Data: []byte(`{"n":12345678901234567890.10}`)}, now)
	return webhook.Dispatch{Delivery: webhook.NewDelivery(event, endpoint, now), Event: event, Endpoint: endpoint}
}

// send makes an attempt and checks the properties that every attempt has.
func send(t *testing.T, s *Sender, d webhook.Dispatch) webhook.Result {
	t.Helper()
	begin := time.Now()
	result, err := s.Send(t.Context(), d)
	require.NoError(t, err)
	took := time.Since(begin)
	assert.LessOrEqual(t, result.Duration, took)
	assert.WithinRange(t, result.StartedAt, begin.Truncate(time.Microsecond), begin.Add(took))
	assert.LessOrEqual(t, len(result.ResponseBody), maxAnswerBody)
	if result.ResponseStatus == 0 {
		assert.Empty(t, result.ResponseHeaders)
		assertPlain(t, result.Failure)
	} else {
		assert.Empty(t, result.Failure)
	}
	return result
}

// assertPlain checks that the text is a sentence for a customer, without an address, a text of Go's errors, or received data.
func assertPlain(t *testing.T, failure string) {
	t.Helper()
	assert.NotEmpty(t, failure)
	assert.Less(t, len(failure), 200)
	for _, word := range []string{"127.0.0.1", "::1", "dial", "tcp", "net/http", "x509", "Post \"", "EOF", "context", "\n", "\x00", "%!"} {
		assert.NotContains(t, failure, word)
	}
}

// assertUsable sends to a healthy receiver.
func assertUsable(t *testing.T, s *Sender) {
	t.Helper()
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer healthy.Close()
	defer s.Close()
	assert.Equal(t, http.StatusNoContent, send(t, s, newDispatch(t, healthy.URL)).ResponseStatus)
}
