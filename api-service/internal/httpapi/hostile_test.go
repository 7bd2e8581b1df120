package httpapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inTheEnvelope checks that an answer is in the envelope and is not an internal error.
func inTheEnvelope(t *testing.T, a answer, sent string) {
	t.Helper()
	require.Less(t, a.status, 500, "%.200q: %s", sent, a.body)
	var frame struct {
		Code               int
		Message, RequestID string
		Details            []struct{ Reason, Message string }
	}
	require.NoError(t, json.Unmarshal(a.body, &frame), "%.200q: %s", sent, a.body)
	assert.Equal(t, a.status, frame.Code)
	assert.NotEmpty(t, frame.Message)
	assert.Equal(t, a.header.Get("X-Request-Id"), frame.RequestID)
	if a.status != http.StatusOK {
		require.NotEmpty(t, frame.Details, "%.200q", sent)
		assert.NotEmpty(t, frame.Details[0].Reason)
		assert.Less(t, len(a.body), 4096, "what was sent is not sent back")
	}
	assertSafeHeaders(t, a)
}

var hostileTexts = []string{
	"", " ", "\x00", "\xff\xfe", "\u202e", "é", "\U0001f501", "..", "../..", "..\\..", "/etc/passwd", "' OR 1=1 --", "'; DROP TABLE api_keys; --", `"`,
	"<script>", "${jndi:ldap://x}", "%s%n", "{{7*7}}", "\r\nSet-Cookie: a=b", "null", "undefined", "NaN", "-1", "1e400", "9223372036854775808",
	strings.Repeat("9", 5000), strings.Repeat("x", 10_000), "__proto__", "0x10", "1_000", "\u0661",
}

func TestRoutesHostilePathOrQueryNoInternalError(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	for _, r := range protected(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			for _, text := range hostileTexts {
				if r.hasID() && text != "" && text != ".." && text != "../.." { // these change the path
					path := strings.ReplaceAll(r.path, ":id", url.PathEscape(text))
					inTheEnvelope(t, s.call(t, r.method, path, s.writer, r.body()), path)
				}
				for _, parameter := range []string{"limit", "offset", "endpointId", text} {
					query := url.Values{parameter: {text}}.Encode()
					inTheEnvelope(t, s.call(t, r.method, r.of(own)+"?"+query, s.writer, r.body()), query)
				}
			}
			for _, query := range []string{"%", "%zz", "limit=5;offset=1", "&&&&", "=", "limit", "limit[]=1", strings.Repeat("a=b&", 2000)} {
				inTheEnvelope(t, s.call(t, r.method, r.of(own)+"?"+query, s.writer, r.body()), query)
			}
		})
	}
}

func TestRoutesHostileBodyNoInternalError(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	bodies := []string{
		"", " ", "{", "[]", "null", "0", `""`, "\x00", "\xff", "\ufeff{}", "{}{}", `{"":{}}`, `{"a":1,"a":2}`, `{"name":null}`, `{"name":{"a":[]}}`,
		strings.Repeat("[", 100_000), `{"name":` + strings.Repeat("[", 100_000), strings.Repeat(`{"data":`, 1000), `{"name":1e999999}`,
		`{"name":"` + strings.Repeat("x", 100_000) + `"}`, `{"` + strings.Repeat("x", 100_000) + `":1}`,
		`{"events":[` + strings.Repeat("null,", 2000) + `null]}`, `{"events":[` + strings.Repeat("{},", 1500) + `{}]}`,
	}
	// Each field of a route with each text of a wrong type.
	for _, text := range hostileTexts {
		quoted, err := json.Marshal(text)
		require.NoError(t, err)
		for _, field := range []string{"name", "url", "description", "eventType", "runId", "scope", "expiresAt"} {
			bodies = append(bodies, `{"`+field+`":`+string(quoted)+`}`)
		}
		bodies = append(bodies,
			`{"name":"n","url":`+string(quoted)+`,"subscribedEventTypes":[`+string(quoted)+`]}`,
			`{"name":`+string(quoted)+`,"expiresAt":`+string(quoted)+`}`,
			`{"eventType":"a","data":{`+string(quoted)+`:`+string(quoted)+`}}`,
			`{"events":[{"eventType":`+string(quoted)+`,"data":{}}]}`)
	}
	for _, r := range protected(t) {
		if r.method == http.MethodGet {
			continue
		}
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			for _, body := range bodies {
				inTheEnvelope(t, s.call(t, r.method, r.of(own), s.writer, body), body)
			}
			for _, contentType := range []string{"", "text/xml", "application/json; charset=utf-7", "multipart/form-data", "a/b/c", strings.Repeat("x", 5000), "\xff"} {
				inTheEnvelope(t, s.call(t, r.method, r.of(own), s.writer, "{}", header("Content-Type", contentType)), contentType)
			}
		})
	}
	assert.Empty(t, granted(t, s.call(t, "GET", keys+"?offset=1000", s.writer, ""))["items"])
}

func TestRoutesHostileHeadersNoInternalError(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	for _, r := range protected(t) {
		for _, name := range []string{"X-Org-ID", "X-Request-Id", "X-Forwarded-For", "Origin", "Accept", "Accept-Encoding", "If-None-Match", "Range", "Cookie"} {
			for _, value := range []string{"\xff", "é", strings.Repeat("x", 8000), "bytes=0-1", "*", "' OR 1=1 --", "a, b, c"} {
				a := s.call(t, r.method, r.of(own), s.writer, r.body(), header(name, value))
				inTheEnvelope(t, a, name+": "+value)
			}
		}
	}
}
