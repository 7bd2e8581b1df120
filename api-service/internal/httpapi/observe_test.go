package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestRequestIDPlainAcceptedOtherReplaced(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, id := range []string{"a", "0", "req_01M7YKM108V7KTX8ZA7BZXHPBX", "4bf92f35-77b3.4da6_A", strings.Repeat("x", 128)} {
		for _, key := range []string{s.reader, ""} {
			a := s.call(t, "GET", base, key, "", header("X-Request-Id", id))
			assert.Equal(t, id, a.header.Get("X-Request-Id"))
			assert.Contains(t, string(a.body), `"requestId":"`+id+`"`)
		}
	}
	seen := map[string]bool{}
	for _, id := range []string{"", strings.Repeat("x", 129), strings.Repeat("x", 10_000), "a b", "a\tb", "é", "\xff", `a"b`, "<b>", "a;b", "a/b", "${jndi:x}"} {
		a := s.call(t, "GET", base, s.reader, "", header("X-Request-Id", id))
		fresh := a.header.Get("X-Request-Id")
		assert.Regexp(t, `^req_[0-9A-HJKMNP-TV-Z]{26}$`, fresh)
		assert.False(t, seen[fresh])
		seen[fresh] = true
		assert.Contains(t, string(a.body), `"requestId":"`+fresh+`"`)
	}

	// A line break ends the header. The text after it is another header or malformed.
	for _, broken := range []string{"a\nb: c", "a\r\n b", "a\rb", "a\x00b"} {
		conn, reader := s.connection(t)
		_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nX-Request-Id: %s\r\n\r\n", base, s.reader, broken)
		require.NoError(t, err)
		a := readResponse(t, reader)
		assert.Contains(t, []int{200, 400}, a.status)
		assert.NotContains(t, a.header.Get("X-Request-Id"), "b")
	}
}

// panicking is a store that panics.
type panicking struct {
	EndpointStore
	panic any
}

func (p panicking) ListEndpoints(context.Context, webhook.EndpointFilter, webhook.Page) (webhook.List[webhook.Endpoint], error) {
	panic(p.panic)
}

func TestPanicAnsweredAndLoggedOnce(t *testing.T) {
	for name, value := range map[string]any{"an error": fmt.Errorf("broken: %s", "why"), "a text": "broken: why", "what cannot be compared": []string{"broken: why"}} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, func(d *Dependencies) { d.Endpoints = panicking{d.Endpoints, value} }).withKeys(t)
			f := refused(t, s.call(t, "GET", base, s.reader, ""), 500, "internal_error")
			assert.NotContains(t, f.Message, "broken")

			var reused bool
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
			granted(t, s.call(t, "GET", deliveries, s.reader, "", func(r *http.Request) { *r = *r.WithContext(httptrace.WithClientTrace(r.Context(), trace)) }))
			assert.True(t, reused, "the connection is as good as before")

			lines := s.lines(t)
			require.Len(t, lines, 2)
			assert.Equal(t, "ERROR", lines[0]["level"])
			assert.Equal(t, f.RequestID, lines[0]["requestId"])
			assert.Contains(t, lines[0]["error"], "broken: why")
			assert.Contains(t, lines[0]["error"], "observe_test.go", "the stack")
		})
	}
}

// http.ErrAbortHandler closes the connection.
func TestAbortedHandlerClosesConnection(t *testing.T) {
	s := newService(t, func(d *Dependencies) { d.Endpoints = panicking{d.Endpoints, http.ErrAbortHandler} }).withKeys(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+base, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.reader)
	_, err = s.client.Do(request)
	assert.Error(t, err)
}

// waiting is a store that signals a call and returns when the caller has disconnected.
type waiting struct {
	EndpointStore
	asked chan struct{}
}

func (w waiting) ListEndpoints(ctx context.Context, _ webhook.EndpointFilter, _ webhook.Page) (webhook.List[webhook.Endpoint], error) {
	close(w.asked)
	<-ctx.Done()
	return webhook.List[webhook.Endpoint]{}, webhook.Unavailable(0, ctx.Err())
}

// A disconnected caller is not an error of the service.
func TestCallerDisconnectedNotLoggedAsError(t *testing.T) {
	asked := make(chan struct{})
	s := newService(t, func(d *Dependencies) { d.Endpoints = waiting{d.Endpoints, asked} }).withKeys(t)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+base, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+s.reader)
	left := make(chan error)
	go func() {
		_, err := s.client.Do(request)
		left <- err
	}()
	<-asked
	leave()
	require.ErrorIs(t, <-left, context.Canceled)
	lines := s.lines(t)
	require.Len(t, lines, 1)
	assert.Equal(t, "INFO", lines[0]["level"])
}

// deadlines is a store that records the deadline of a call.
type deadlines struct {
	EndpointStore
	given *bool
}

func (d deadlines) ListEndpoints(ctx context.Context, _ webhook.EndpointFilter, _ webhook.Page) (webhook.List[webhook.Endpoint], error) {
	_, *d.given = ctx.Deadline()
	return webhook.List[webhook.Endpoint]{}, webhook.Unavailable(1, context.DeadlineExceeded)
}

func TestRequestHasDeadline(t *testing.T) {
	var given bool
	s := newService(t, func(d *Dependencies) { d.Endpoints = deadlines{d.Endpoints, &given} }).withKeys(t)
	a := s.call(t, "GET", base, s.reader, "")
	refused(t, a, 503, "database_unavailable")
	assert.Equal(t, "1", a.header.Get("Retry-After"), "a fraction of a second is rounded up")
	assert.True(t, given)
}

// Text of a caller appears in the log and the metrics only in a checked form.
func TestLogAndMetricsHaveBoundedValues(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := newService(t, func(d *Dependencies) { d.Metrics = registry }).withKeys(t)
	for range 3 {
		s.call(t, "GET", "/"+unguessable(), s.reader, "")
		s.call(t, "GET", base+"/"+unguessable(), s.reader, "")
		s.call(t, unguessable(), base, s.reader, "")
		s.call(t, "GET", base+"?"+unguessable(), "", "")
	}
	lines := s.lines(t)
	require.Len(t, lines, 12)
	routes := map[any]bool{}
	for _, line := range lines {
		routes[fmt.Sprint(line["method"], " ", line["route"], " ", line["status"])] = true
		assert.NotEmpty(t, line["requestId"])
		assert.NotContains(t, line, "id", "a malformed ID is not logged")
	}
	assert.Equal(t, map[any]bool{
		"GET unknown 404": true, "GET " + base + "/:id 400": true, "other " + base + " 405": true, "GET " + base + " 401": true,
	}, routes)

	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	assert.Len(t, families[0].GetMetric(), 4)
	for _, metric := range families[0].GetMetric() {
		assert.EqualValues(t, 3, metric.GetHistogram().GetSampleCount())
	}
}

func TestLogNamesCallerAndSubject(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	refused(t, s.call(t, "POST", deliveries+"/"+id+"/retry", s.writer, ""), 400, "delivery_not_failed")
	lines := slices.DeleteFunc(s.lines(t), func(line map[string]any) bool { return line["msg"] != "request" })
	last := lines[len(lines)-1]
	assert.Equal(t, id, last["id"])
	assert.Equal(t, organization, last["organizationId"])
	assert.Equal(t, "delivery_not_failed", last["reason"])
	assert.Equal(t, deliveries+"/:id/retry", last["route"])
	assert.EqualValues(t, 400, last["status"])
	assert.Contains(t, last["apiKeyId"], "key_")
	assert.Regexp(t, `^evt_`, lines[1]["id"], "a published event is named too")
}
