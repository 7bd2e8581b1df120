package sender

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/hostile"
	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

func TestRequest(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	d := newDispatch(t, "")
	current, currentKey := newSecret(t)
	previous, previousKey := newSecret(t)
	expired, expiredKey := newSecret(t)
	now := webhook.Now()
	d.Endpoint.SigningSecrets = []webhook.SigningSecret{
		{Value: current}, {Value: previous, ExpiresAt: now.Add(time.Hour)}, {Value: expired, ExpiresAt: now.Add(-time.Second)},
	}
	want, err := d.Event.Body()
	require.NoError(t, err)

	var got *http.Request
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Two", "1")
		w.Header().Add("X-Two", "2")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, "slow down")
	}))
	defer receiver.Close()
	d.Endpoint.URL = receiver.URL + "/hook/%2F?a=b%20c&a="
	result := send(t, s, d)

	assert.Equal(t, http.MethodPost, got.Method)
	assert.Equal(t, "/hook/%2F?a=b%20c&a=", got.RequestURI, "the URL as it was saved")
	assert.Equal(t, 1, got.ProtoMajor)
	assert.Equal(t, want, body)
	assert.Equal(t, int64(len(want)), got.ContentLength)
	names := make([]string, 0, len(got.Header))
	for name := range got.Header {
		names = append(names, name)
	}
	assert.ElementsMatch(t, []string{"Content-Type", "Content-Length", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"}, names)
	assert.Equal(t, "application/json", got.Header.Get("Content-Type"))
	assert.Equal(t, "Redrive/test", got.Header.Get("User-Agent"))
	assert.Equal(t, d.Delivery.ID, got.Header.Get(signing.HeaderID))

	for _, key := range []signing.Key{currentKey, previousKey} {
		assert.NoError(t, signing.Verify(got.Header, body, time.Now(), signing.DefaultTolerance, key))
	}
	assert.ErrorIs(t, signing.Verify(got.Header, body, time.Now(), signing.DefaultTolerance, expiredKey), signing.ErrNoMatchingSignature)
	assert.Len(t, strings.Fields(got.Header.Get(signing.HeaderSignature)), 2)

	for name, value := range result.RequestHeaders {
		assert.Equal(t, got.Header.Get(name), value, "what is on record is what was sent")
	}
	assert.Equal(t, http.StatusTooManyRequests, result.ResponseStatus)
	assert.Equal(t, "7", result.RetryAfter)
	assert.Equal(t, "1, 2", result.ResponseHeaders["X-Two"])
	assert.Equal(t, "slow down", string(result.ResponseBody))
	assert.False(t, result.ResponseBodyTruncated)
}

// If signing fails, nothing is sent. The customer's error says that the receiver is not the cause.
func TestCannotSign(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	r := hostile.Listen(t, hostile.Answered(ok+"\r\n"))
	for name, spoil := range map[string]func(*webhook.Dispatch){
		"no secret":     func(d *webhook.Dispatch) { d.Endpoint.SigningSecrets = nil },
		"broken secret": func(d *webhook.Dispatch) { d.Endpoint.SigningSecrets[0].Value = "whsec_broken" },
	} {
		d := newDispatch(t, r.URL)
		spoil(&d)
		result := send(t, s, d)
		assert.Contains(t, result.Failure, "could not be built and signed", name)
		assert.NotContains(t, result.Failure, "whsec", name)
	}
	assert.Empty(t, r.Connections)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	elsewhere := hostile.Listen(t, hostile.Answered(ok+"\r\n"))
	for _, status := range []int{301, 302, 303, 307, 308} {
		r := hostile.Listen(t, hostile.Answered(fmt.Sprintf("HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, elsewhere.URL)))
		assert.Equal(t, status, send(t, s, newDispatch(t, r.URL)).ResponseStatus)
	}
	assert.Empty(t, elsewhere.Connections)
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	cookies := make(chan string, 2)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookies <- r.Header.Get("Cookie")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1", Path: "/"})
	}))
	defer receiver.Close()
	for range 2 {
		send(t, s, newDispatch(t, receiver.URL))
		assert.Empty(t, <-cookies)
	}
}

// A gzip bomb is not decompressed.
func TestGzipIsNotUnpacked(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	var bomb bytes.Buffer
	packer := gzip.NewWriter(&bomb)
	_, err := packer.Write(make([]byte, 4<<20))
	require.NoError(t, err)
	require.NoError(t, packer.Close())
	require.Less(t, bomb.Len(), maxAnswerBody)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Accept-Encoding"))
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	}))
	defer receiver.Close()
	result := send(t, s, newDispatch(t, receiver.URL))
	assert.Equal(t, bomb.Bytes(), result.ResponseBody)
	assert.Equal(t, "gzip", result.ResponseHeaders["Content-Encoding"])
}

func TestHeaderValuesAreShowable(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	r := hostile.Listen(t, hostile.Answered(ok+"X-Odd: a\xff\xfec\r\nX-Folded: a\r\n b\r\nRetry-After: \xff\r\n\r\n"))
	result := send(t, s, newDispatch(t, r.URL))
	require.Equal(t, 200, result.ResponseStatus, result.Failure)
	assert.Contains(t, result.ResponseHeaders["X-Odd"], "\uFFFD")
	assert.Equal(t, "a b", result.ResponseHeaders["X-Folded"])
	for name, value := range result.ResponseHeaders {
		assert.True(t, utf8.ValidString(name+value), "%q: %q", name, value)
	}
}

// Connections are reused, and shared by all senders of the process.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	r := hostile.Listen(t, func(p *hostile.Peer) {
		for {
			if _, more := p.Request(); !more {
				return
			}
			p.Say(ok + "Content-Length: 2\r\n\r\nok")
		}
	})
	for range 5 {
		require.Equal(t, 200, send(t, s, newDispatch(t, r.URL)).ResponseStatus)
	}
	assert.Len(t, r.Connections, 1)
	s.Close()
	require.Equal(t, 200, send(t, s, newDispatch(t, r.URL)).ResponseStatus, "usable after Close")
}

// The receiver closes a keep-alive connection after the next request was sent on it. The request may have been handled, so the transport
// must not send it again. The attempt has failed, and the policy repeats it.
func TestReusedConnectionClosed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*hostile.Peer){"closed": func(*hostile.Peer) {}, "reset": (*hostile.Peer).Reset} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			requests := make(chan string, 10)
			r := hostile.Listen(t, func(p *hostile.Peer) {
				for served := 0; ; served++ {
					request, more := p.Request()
					if !more {
						return
					}
					requests <- request.Header.Get(signing.HeaderID)
					if served == 1 {
						end(p)
						return
					}
					p.Say(ok + "Content-Length: 0\r\n\r\n")
				}
			})
			require.Equal(t, 200, send(t, s, newDispatch(t, r.URL)).ResponseStatus)
			d := newDispatch(t, r.URL)
			result := send(t, s, d)
			assert.Zero(t, result.ResponseStatus)
			assert.Contains(t, result.Failure, "kept-alive connection")
			assert.Len(t, r.Connections, 1)
			assert.Len(t, requests, 2)
			assert.Equal(t, 200, send(t, s, d).ResponseStatus, "the retry has a connection of its own")
		})
	}
}

// A receiver that closes after every answer races with the next request. The request may fail, and is never sent twice.
func TestReuseRace(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	var mutex sync.Mutex
	seen := map[string]int{}
	r := hostile.Listen(t, func(p *hostile.Peer) {
		if request, more := p.Request(); more {
			mutex.Lock()
			seen[request.Header.Get(signing.HeaderID)]++
			mutex.Unlock()
			p.Say(ok + "Content-Length: 0\r\n\r\n")
		}
	})
	answers := 0
	for range 200 {
		result := send(t, s, newDispatch(t, r.URL))
		if result.ResponseStatus == 200 {
			answers++
			continue
		}
		assert.Contains(t, result.Failure, "kept-alive connection")
	}
	assert.Positive(t, answers)
	mutex.Lock()
	defer mutex.Unlock()
	assert.Len(t, seen, answers)
	for id, times := range seen {
		assert.Equal(t, 1, times, id)
	}
}

// Send does not end with the caller's context: an exchange that has begun is completed.
func TestSendOutlivesItsContext(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	ctx, cancel := cancelled(t)
	r := hostile.Listen(t, func(p *hostile.Peer) {
		p.Request()
		cancel()
		p.Say(ok + "Connection: close\r\nContent-Length: 2\r\n\r\nok") // otherwise the next one may take a connection that is being closed
	})
	result, err := s.Send(ctx, newDispatch(t, r.URL))
	require.NoError(t, err)
	assert.Equal(t, 200, result.ResponseStatus)
	assert.Equal(t, "ok", string(result.ResponseBody))
	result, err = s.Send(ctx, newDispatch(t, r.URL))
	require.NoError(t, err)
	assert.Equal(t, 200, result.ResponseStatus)
}

// Many hostile receivers use memory only for the bytes that are kept, not for those that they send. The test runs alone, because it counts
// all allocations of the process.
func TestMemoryIsBounded(t *testing.T) {
	const sends = 20
	s := newSender(t)
	flood := make([]byte, 1<<20)
	r := hostile.Listen(t, func(p *hostile.Peer) {
		p.Request()
		p.Say(ok + "\r\n")
		for err := error(nil); err == nil; {
			_, err = p.Write(flood)
		}
	})
	d := newDispatch(t, r.URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range sends {
		result, err := s.Send(t.Context(), d)
		require.NoError(t, err)
		require.True(t, result.ResponseBodyTruncated)
	}
	runtime.ReadMemStats(&after)
	assert.Less(t, (after.TotalAlloc-before.TotalAlloc)/sends, uint64(256<<10), "bytes for each attempt")
}
