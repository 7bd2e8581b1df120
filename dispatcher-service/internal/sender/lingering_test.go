package sender

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/dispatcher-service/internal/hostile"
)

// lingering is the timeout on synctest's clock. It passes when the sender has read everything.
const lingering = 15 * time.Second

var healthy = hostile.Answered("HTTP/1.1 204 No Content\r\n\r\n")

func newLingering(t *testing.T, scripts ...func(*hostile.Peer)) *Sender {
	t.Helper()
	s := New(Options{Guard: loopbackGuard(), Timeout: lingering})
	s.transport.DialContext = hostile.InMemory(t, scripts...)
	t.Cleanup(s.Close)
	return s
}

// An attempt at a receiver that never ends the exchange ends exactly at the timeout, and the next one is served.
func TestLingeringReceivers(t *testing.T) {
	t.Parallel()
	for name, c := range hostile.Cases {
		if !c.Lingers {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newLingering(t, c.Script, healthy)
				result := send(t, s, newDispatch(t, "http://203.0.113.1/hook"))
				assert.Equal(t, lingering, result.Duration)
				assert.Equal(t, c.Status, result.ResponseStatus, result.Failure)
				assert.Contains(t, result.Failure, c.Failure)
				assert.Equal(t, c.Cut, result.ResponseBodyTruncated)
				assert.True(t, strings.HasPrefix(string(result.ResponseBody), c.Body), "%.40q", result.ResponseBody)
				assert.Equal(t, http.StatusNoContent, send(t, s, newDispatch(t, "http://203.0.113.1/hook")).ResponseStatus)
			})
		})
	}
}

func TestTLSSilenceEndsAtTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newLingering(t, (*hostile.Peer).Silence, healthy)
		result := send(t, s, newDispatch(t, "https://203.0.113.1/hook"))
		assert.Equal(t, lingering, result.Duration)
		assert.Equal(t, "no answer within 15s", result.Failure)
		assert.Equal(t, http.StatusNoContent, send(t, s, newDispatch(t, "http://203.0.113.1/hook")).ResponseStatus)
	})
}

// An endpoint's own timeout may be shorter or longer than the dispatcher's. It bounds name resolution, the TLS handshake and the answer.
func TestTimeoutOfTheEndpoint(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{1: "no answer within 1s", 30: "no answer within 30s", 0: "no answer within 15s"} {
		for _, url := range []string{"http://203.0.113.1/hook", "https://203.0.113.1/hook"} {
			synctest.Test(t, func(t *testing.T) {
				s := newLingering(t, (*hostile.Peer).Silence)
				d := newDispatch(t, url)
				d.Endpoint.TimeoutSeconds = seconds
				result := send(t, s, d)
				assert.Equal(t, want, result.Failure)
				assert.Equal(t, result.Timeout, result.Duration)
			})
		}
	}
}

// If a name server does not answer, the reason names it.
func TestSilentNameServerEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Guard: loopbackGuard(), Timeout: 2 * time.Second}) // less than the resolver's own
		defer s.Close()
		silent := &net.Resolver{PreferGo: true, Dial: hostile.InMemory(t, (*hostile.Peer).Silence)}
		dialer := &net.Dialer{Timeout: s.options.Timeout, Control: s.options.Guard.Control, Resolver: silent}
		s.transport.DialContext = dialer.DialContext // as New makes it, but for the resolver
		result := send(t, s, newDispatch(t, "http://does-not-exist.invalid/hook"))
		assert.Equal(t, 2*time.Second, result.Duration)
		assert.Equal(t, "the endpoint's host name could not be resolved in time", result.Failure)
		time.Sleep(time.Hour) // of virtual time: the resolver gives up later than the attempt
	})
}
