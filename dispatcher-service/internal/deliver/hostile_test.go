package deliver_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/hostile"
	"redrive/dispatcher-service/internal/sender"
	"redrive/pkg/egress"
	"redrive/pkg/signing"
	"redrive/pkg/store"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// path is the complete path of a delivery: load, send, record.
type path struct {
	t         *testing.T
	store     *store.Store
	deliverer *deliver.Deliverer
}

// newPath makes a path with a long timeout. Receivers that never end the exchange need a short one.
func newPath(t *testing.T, opened *store.Store) path {
	t.Helper()
	return hurried(t, opened, hostile.Patience)
}

func hurried(t *testing.T, opened *store.Store, timeout time.Duration) path {
	t.Helper()
	guard := egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	out := sender.New(sender.Options{Guard: guard, Timeout: timeout})
	t.Cleanup(out.Close)
	return path{t, opened, newDeliverer(opened, out)}
}

// publish makes a delivery to an endpoint of its own.
func (p path) publish(t *testing.T, url string) webhook.Delivery {
	t.Helper()
	secret, err := signing.NewSecret()
	require.NoError(t, err)
	endpoint := webhook.NewEndpoint(org, "key_a", webhook.EndpointSpec{Name: "n", URL: url}, webhook.Secret(secret), webhook.Now())
	require.NoError(t, p.store.CreateEndpoint(t.Context(), endpoint))
	event := newEvent()
	delivery := webhook.NewDelivery(event, endpoint, webhook.Now())
	require.NoError(t, p.store.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	return delivery
}

// attempt makes one attempt and returns its record and that of the delivery.
func (p path) attempt(t *testing.T, url string) (webhook.Attempt, webhook.Delivery, deliver.Verdict) {
	t.Helper()
	id := p.publish(t, url).ID
	verdict, err := p.deliverer.Deliver(t.Context(), id, webhook.QueueDeliveries)
	require.NoError(t, err)
	record, err := p.store.FindDelivery(t.Context(), org, id)
	require.NoError(t, err)
	attempts := storetest.ListAttempts(t, p.store, org, id, webhook.Page{Limit: 100})
	require.Len(t, attempts.Items, 1, "on record, and once")
	return attempts.Items[0], record.Delivery, verdict
}

// meet makes an attempt at the case's receiver. If the timeout ends it, the timeout grows until the sender has received all that the
// receiver sends. Package sender tests the exact timeout in virtual time.
func (p path) meet(t *testing.T, c hostile.Case) (webhook.Attempt, webhook.Delivery, deliver.Verdict) {
	t.Helper()
	url := hostile.Listen(t, c.Script).URL
	if !c.Lingers {
		return p.attempt(t, url)
	}
	for timeout := 500 * time.Millisecond; ; timeout *= 2 {
		attempt, delivery, verdict := hurried(t, p.store, timeout).attempt(t, url)
		received := attempt.ResponseStatus == c.Status && strings.HasPrefix(string(attempt.ResponseBody), c.Body)
		if received || timeout > hostile.Patience {
			return attempt, delivery, verdict
		}
	}
}

// stores are the kinds of stores.
func stores(t *testing.T) map[string]*store.Store {
	t.Helper()
	small, err := sqlite.Open(t.TempDir()+"/redrive.db", storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, small.Close()) })
	return map[string]*store.Store{
		"PostgreSQL": storetest.NewPostgres(t),
		"SQLite":     storetest.Migrated(t, small),
	}
}

// Whatever a receiver does, its delivery is recorded with a reason in plain words, its next state is correct, and the worker is free again.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	for kind, opened := range stores(t) {
		p := newPath(t, opened)
		for name, c := range hostile.Cases {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				attempt, delivery, verdict := p.meet(t, c)

				assert.Equal(t, 1, attempt.Number)
				assert.Equal(t, c.Status, attempt.ResponseStatus)
				assert.Equal(t, c.Cut, attempt.ResponseBodyTruncated)
				assert.True(t, strings.HasPrefix(string(attempt.ResponseBody), c.Body), "%.40q", attempt.ResponseBody)
				assert.LessOrEqual(t, len(attempt.ResponseBody), hostile.KeptBody)
				for name, value := range attempt.ResponseHeaders {
					assert.True(t, utf8.ValidString(name+value), "%q: %q", name, value)
				}
				if c.Status/100 == 2 {
					assert.Equal(t, webhook.StatusSuccess, delivery.Status)
					assert.Equal(t, deliver.Done(), verdict)
					assert.Empty(t, attempt.ErrorMessage)
				} else {
					assert.Equal(t, webhook.StatusRetrying, delivery.Status)
					assert.Equal(t, 0, delivery.RetryCount)
					assert.True(t, delivery.NextRetryAt.After(attempt.StartedAt))
					assert.Equal(t, deliver.KindRetry, verdict.Kind)
					assert.True(t, verdict.At.Equal(delivery.NextRetryAt), "%s, %s", verdict.At, delivery.NextRetryAt)
					assertPlain(t, attempt.ErrorMessage, c)
				}
				p.assertFree(t)
			})
		}
	}
}

// assertPlain checks that the text is a sentence for a customer and quotes nothing that was received.
func assertPlain(t *testing.T, message string, c hostile.Case) {
	t.Helper()
	want := c.Failure
	if want == "" {
		want = fmt.Sprintf("answered %d", c.Status)
	}
	assert.Contains(t, message, want)
	assert.Less(t, len(message), 200)
	assert.True(t, utf8.ValidString(message))
	for _, word := range []string{"127.0.0.1", "dial", "tcp", "net/http", "EOF", "context", "\n", "\x00", "%!", "whsec_"} {
		assert.NotContains(t, message, word)
	}
}

// assertFree delivers to a healthy receiver.
func (p path) assertFree(t *testing.T) {
	t.Helper()
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusNoContent)
	}))
	defer healthy.Close()
	_, delivery, verdict := p.attempt(t, healthy.URL)
	assert.Equal(t, webhook.StatusSuccess, delivery.Status)
	assert.Equal(t, deliver.Done(), verdict)
}

// Names that do not resolve, receivers with invalid certificates, and receivers that redirect.
func TestHostileDestinations(t *testing.T) {
	t.Parallel()
	elsewhere := hostile.Listen(t, hostile.Answered("HTTP/1.1 200 OK\r\n\r\n"))
	redirect := func(status int) string {
		return hostile.Listen(t, hostile.Answered(fmt.Sprintf("HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, elsewhere.URL))).URL
	}
	reached := make(chan struct{}, 100)
	secured := func(host string, lasts time.Duration, newest uint16) string {
		receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
		receiver.TLS = &tls.Config{Certificates: []tls.Certificate{hostile.Certificate(t, host, lasts)}, MaxVersion: newest}
		receiver.Config.ErrorLog = log.New(io.Discard, "", 0)
		receiver.StartTLS()
		t.Cleanup(receiver.Close)
		return receiver.URL
	}
	for kind, opened := range stores(t) {
		p := newPath(t, opened)
		for name, c := range map[string]struct {
			url     string
			failure string
			status  int
		}{
			"self-signed":     {secured("127.0.0.1", time.Hour, 0), "TLS: ", 0},
			"wrong host":      {secured("example.com", time.Hour, 0), "TLS: ", 0},
			"expired":         {secured("127.0.0.1", -time.Hour, 0), "TLS: ", 0},
			"TLS 1.1":         {secured("127.0.0.1", time.Hour, tls.VersionTLS11), "TLS: ", 0},
			"no such name":    {"http://does-not-exist.invalid/", "host name", 0},
			"private address": {"http://10.0.0.1/", "not sent: ", 0},
			"metadata":        {"http://169.254.169.254/latest/meta-data", "not sent: ", 0},
			"redirect":        {redirect(302), "answered 302", 302},
			"redirect a POST": {redirect(307), "answered 307", 307},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				attempt, delivery, verdict := p.attempt(t, c.url)
				assert.Equal(t, c.status, attempt.ResponseStatus)
				assertPlain(t, attempt.ErrorMessage, hostile.Case{Failure: c.failure})
				assert.NotContains(t, attempt.ErrorMessage, "169.254")
				assert.Equal(t, webhook.StatusRetrying, delivery.Status)
				assert.Equal(t, deliver.KindRetry, verdict.Kind)
				p.assertFree(t)
			})
		}
	}
	assert.Empty(t, reached, "nothing is sent")
	assert.Empty(t, elsewhere.Connections, "nothing is followed")
}

// If a reused keep-alive connection is closed during a request, the attempt has failed. The request is sent once, and the policy repeats
// it.
func TestReusedConnectionClosedIsOneAttempt(t *testing.T) {
	t.Parallel()
	for kind, opened := range stores(t) {
		t.Run(kind, func(t *testing.T) {
			p := newPath(t, opened)
			requests := make(chan string, 10)
			r := hostile.Listen(t, func(peer *hostile.Peer) {
				for served := 0; ; served++ {
					request, more := peer.Request()
					if !more {
						return
					}
					requests <- request.Header.Get(signing.HeaderID)
					if served == 1 {
						return
					}
					peer.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			})
			_, delivery, _ := p.attempt(t, r.URL)
			assert.Equal(t, webhook.StatusSuccess, delivery.Status)
			attempt, delivery, verdict := p.attempt(t, r.URL)
			assert.Contains(t, attempt.ErrorMessage, "kept-alive connection")
			assert.Equal(t, webhook.StatusRetrying, delivery.Status)
			assert.Equal(t, deliver.KindRetry, verdict.Kind)
			assert.Len(t, requests, 2, "nothing is sent behind our back")
		})
	}
}

// Retry-After is respected within bounds, and for 429 and 503 only.
func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	// comes returns when the retry is due after an attempt that ended at the time.
	type comes func(ended time.Time) (earliest, latest time.Time)
	in := func(earliest, latest time.Duration) comes {
		return func(ended time.Time) (time.Time, time.Time) { return ended.Add(earliest), ended.Add(latest) }
	}
	ourOwn := in(4*time.Second, 6*time.Second) // the first delay of webhook.DefaultSchedule, with its jitter
	date := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	for kind, opened := range stores(t) {
		p := newPath(t, opened)
		for name, c := range map[string]struct {
			status int
			asks   string
			comes  comes
		}{
			"seconds":          {429, "100", in(100*time.Second, 100*time.Second)},
			"seconds, 503":     {503, "100", in(100*time.Second, 100*time.Second)},
			"date":             {503, date.Format(http.TimeFormat), func(time.Time) (time.Time, time.Time) { return date, date }},
			"negative":         {429, "-100", ourOwn},
			"zero":             {429, "0", ourOwn},
			"past":             {503, "Fri, 31 Dec 1999 23:59:59 GMT", ourOwn},
			"absurd":           {429, "99999999999999999999999", in(day, day)},
			"absurd date":      {429, "Fri, 31 Dec 9999 23:59:59 GMT", in(day, day)},
			"garbage":          {503, "soon \xff; DROP TABLE", ourOwn},
			"empty":            {429, "", ourOwn},
			"no business here": {500, "100", ourOwn},
		} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				answer := fmt.Sprintf("HTTP/1.1 %d No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n", c.status, c.asks)
				attempt, delivery, verdict := p.attempt(t, hostile.Listen(t, hostile.Answered(answer)).URL)
				returned := time.Now()
				assert.Equal(t, c.status, attempt.ResponseStatus)
				assert.Equal(t, webhook.StatusRetrying, delivery.Status)
				earliest, _ := c.comes(attempt.StartedAt.Add(attempt.Duration))
				_, latest := c.comes(returned)
				assert.WithinRange(t, delivery.NextRetryAt, earliest, latest.Add(time.Second), "at a whole second")
				assert.Equal(t, deliver.KindRetry, verdict.Kind)
			})
		}
		t.Run(kind+"/gone", func(t *testing.T) {
			t.Parallel()
			answer := "HTTP/1.1 410 Gone\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n"
			_, delivery, verdict := p.attempt(t, hostile.Listen(t, hostile.Answered(answer)).URL)
			assert.Equal(t, webhook.StatusFailure, delivery.Status)
			assert.Equal(t, deliver.KindDead, verdict.Kind)
			endpoint, err := p.store.FindEndpoint(t.Context(), org, delivery.EndpointID)
			require.NoError(t, err)
			assert.Equal(t, webhook.EndpointDisabled, endpoint.Status)
		})
	}
}

// An attempt uses a bounded amount of memory, whatever is sent to it. The test runs alone, because it counts all allocations of the
// process, including the receiver's.
func TestMemoryIsBounded(t *testing.T) {
	const deliveries = 10
	flood := []byte(strings.Repeat("x", 1<<20))
	for kind, opened := range stores(t) {
		p := newPath(t, opened)
		for name, begins := range map[string]string{
			"body":    "HTTP/1.1 200 OK\r\n\r\n",
			"header":  "HTTP/1.1 200 OK\r\nX-A: ",
			"status":  "HTTP/1.1 200 ",
			"chunk":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
			"trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: ",
			"upgrade": "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		} {
			r := hostile.Listen(t, func(peer *hostile.Peer) {
				peer.Request()
				peer.Say(begins)
				for err := error(nil); err == nil; {
					_, err = peer.Write(flood)
				}
			})
			ids := make([]string, deliveries)
			for i := range ids {
				ids[i] = p.publish(t, r.URL).ID
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for _, id := range ids {
				_, err := p.deliverer.Deliver(t.Context(), id, webhook.QueueDeliveries)
				require.NoError(t, err)
			}
			runtime.ReadMemStats(&after)
			assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/deliveries, uint64(1<<20), "bytes for each attempt: %s, %s", kind, name)
		}
	}
}
