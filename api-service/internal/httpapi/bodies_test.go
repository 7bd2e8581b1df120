package httpapi

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// operations without a body accept an empty body and {}, and nothing else.
func TestBodyOfStateChangeOptional(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	deliveryID := own[webhook.KindDelivery]
	for _, r := range protected(t) {
		if r.method != http.MethodPost || !r.hasID() || strings.HasSuffix(r.path, "/test") || strings.HasSuffix(r.path, "/deliver") || r.row(t).kind == webhook.KindBulkJob { // one test a second is accepted, and a job is cancelled once
			continue
		}
		t.Run(r.path, func(t *testing.T) {
			path := r.of(own)
			for _, body := range []string{"", "{}", " {} ", "{\n}\n", "\r\n"} {
				s.prepare(t, r, deliveryID)
				granted(t, s.call(t, r.method, path, s.writer, body))
			}
			for body, reason := range map[string]string{
				"[]": "invalid_type", "null": "invalid_type", `""`: "invalid_type", "0": "invalid_type", `{"a":1}`: "unknown_field",
				`{"a":null}`: "null_not_allowed", "{": "malformed_json", "{}{}": "trailing_data", "{} x": "trailing_data", "\ufeff": "malformed_json",
			} {
				refused(t, s.call(t, r.method, path, s.writer, body), 400, reason)
			}
			refused(t, s.call(t, r.method, r.of(nil), s.writer, "{"), 400, "invalid_id")
			refused(t, s.call(t, r.method, path, s.writer, "{}", header("Content-Type", "text/plain")), 415, "unsupported_media_type")
			// Some clients send such headers without a body.
			s.prepare(t, r, deliveryID)
			granted(t, s.call(t, r.method, path, s.writer, "", header("Content-Type", "application/x-www-form-urlencoded")))
		})
	}
}

func TestContentTypeOtherThanJSONRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for contentType, taken := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=utf-8": true, `Application/JSON ; Charset="UTF-8"`: true,
		"application/json; charset=latin1": false, "application/json; charset=utf-16": false, "application/json;;": false, "text/plain": false,
		"text/json": false, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false, "application/problem+json": false,
		"application/jsonp": false, "json": false, "/": false, "*/*": false, "application/json, text/plain": false,
	} {
		a := s.call(t, "POST", base+"/events", s.writer, publishBody, header("Content-Type", contentType))
		if taken {
			granted(t, a)
		} else {
			refused(t, a, 415, "unsupported_media_type")
		}
	}
	withoutType := s.call(t, "POST", base+"/events", s.writer, publishBody, func(r *http.Request) { r.Header.Del("Content-Type") })
	granted(t, withoutType)
}

func TestBodyInvalidRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, path := range []string{base, base + "/events"} {
		for body, reason := range map[string]string{
			"": "empty_body", "{}": "required", "[]": "invalid_type", "null": "invalid_type", "{": "malformed_json",
			`{"x":1}`: "unknown_field",
		} {
			refused(t, s.call(t, "POST", path, s.writer, body), 400, reason)
		}
	}
	refused(t, s.call(t, "POST", base, s.writer, " \r\n"), 400, "empty_body")
	both := refused(t, s.call(t, "POST", base, s.writer, `{"maxRetries":21}`), 400, "required")
	var fields []string
	for _, detail := range both.Details {
		fields = append(fields, detail.Field)
	}
	assert.Equal(t, []string{"name", "url", "maxRetries"}, fields, "everything is told at once")
	for body, reason := range map[string]string{
		`{"name":"a\u0000","url":"https://example.com"}`:                          "invalid_text",
		`{"name":"a","url":"https://example.com","description":"a\u001b[31m"}`:    "invalid_text",
		`{"name":"` + strings.Repeat("é", 129) + `","url":"https://example.com"}`: "too_long",
		`{"name":"a","url":"https://example.com","subscribedEventTypes":[null]}`:  "invalid_event_type",
	} {
		refused(t, s.call(t, "POST", base, s.writer, body), 400, reason)
	}
	refused(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType":"a","data":[]}`), 400, "invalid_type")
	refused(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType":"a","data":{},"runId":"\u0000"}`), 400, "invalid_text")
	// Text that is valid JSON but not valid in a database column is valid data.
	granted(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType":"a","data":{"\u0000":"\u0000"}}`))
}

func TestBodySizeLimit(t *testing.T) {
	s := newService(t).withKeys(t)
	const head, tail = `{"eventType":"run.finished","data":{"x":"`, `"}}`
	largest := head + strings.Repeat("x", maxBody-len(head)-len(tail)) + tail
	granted(t, s.call(t, "POST", base+"/events", s.writer, largest))
	refused(t, s.call(t, "POST", base+"/events", s.writer, largest+" "), 413, "body_too_large")

	chunked := func(r *http.Request) { r.ContentLength = -1 }
	granted(t, s.call(t, "POST", base+"/events", s.writer, largest, chunked))
	refused(t, s.call(t, "POST", base+"/events", s.writer, largest+" ", chunked), 413, "body_too_large")
}

// connection opens a raw connection, for requests that an HTTP client cannot send.
func (s *service) connection(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func readResponse(t *testing.T, reader *bufio.Reader) answer {
	t.Helper()
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	return readAnswer(t, response)
}

// A body that is declared too large is refused before it is sent, and the connection is closed.
func TestBodyDeclaredTooLargeNotRead(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, announced := range []string{"Content-Length: 1048577", "Content-Length: 9223372036854775807", "Transfer-Encoding: chunked"} {
		conn, reader := s.connection(t)
		_, err := fmt.Fprintf(conn, "POST %s/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\n%s\r\n\r\n", base, s.writer, announced)
		require.NoError(t, err)
		if strings.HasPrefix(announced, "Transfer") {
			proceed, err := http.ReadResponse(reader, nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusContinue, proceed.StatusCode)
			_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n", maxBody+1, strings.Repeat(" ", maxBody+1)) // without an end
			require.NoError(t, err)
		}
		a := readResponse(t, reader)
		refused(t, a, 413, "body_too_large")
		assert.True(t, a.last, announced)
	}
}

func TestBodySlowOrBrokenRefused(t *testing.T) {
	patient := newService(t).withKeys(t)
	s := serveWithin(t, patient.store, 200*time.Millisecond)
	const head = "POST %s/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
	for name, rest := range map[string]string{
		"the rest does not come":       "Content-Length: 1000\r\n\r\n{",
		"chunks that do not come":      "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"chunks that are none":         "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
		"the connection's end, halved": "Content-Length: 1000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			conn, reader := s.connection(t)
			_, err := fmt.Fprintf(conn, head+rest, base, patient.writer)
			require.NoError(t, err)
			halved := strings.HasSuffix(name, "halved")
			if halved {
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			}
			a := readResponse(t, reader)
			refused(t, a, 400, "unreadable_body")
			assert.True(t, a.last || halved, "what comes late would be taken for a request")
		})
	}
}
