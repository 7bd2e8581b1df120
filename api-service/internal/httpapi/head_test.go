package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testservers"
)

// sameHead sends a HEAD and a GET. The answers must be equal apart from the body.
func sameHead(t *testing.T, s *service, path, key string, change ...func(*http.Request)) answer {
	t.Helper()
	change = append(change, header("X-Request-Id", "same"), header("Accept-Encoding", "identity"))
	got, head := s.call(t, "GET", path, key, "", change...), s.call(t, "HEAD", path, key, "", change...)
	assert.Equal(t, got.status, head.status, path)
	assert.Empty(t, head.body)
	// A long answer is chunked and has no length. net/http sends no length for an empty answer to HEAD.
	if length := got.header.Get("Content-Length"); length != "" && length != "0" {
		assert.Equal(t, length, head.header.Get("Content-Length"), path)
	}
	for _, name := range []string{"Date", "Content-Length"} {
		got.header.Del(name)
		head.header.Del(name)
	}
	assert.Equal(t, got.header, head.header, path)
	return head
}

func TestHeadEqualsGetWithoutBody(t *testing.T) {
	redis, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, redis.Close()) })
	s := newService(t, func(d *Dependencies) { d.Redis, d.Queues = redis, QueuesOptions{Password: password} }).withKeys(t)
	own := s.resources(t)
	for _, r := range append(routes(Dependencies{}, budget{}, newWriters()), referencePages()...) {
		if r.method != http.MethodGet || r.access == platform || strings.HasPrefix(r.path, types) {
			continue // routes that ignore X-Org-ID have tests of their own
		}
		path := r.of(own)
		if r.access == public {
			sameHead(t, s, strings.ReplaceAll(path, "*", ""), "")
			sameHead(t, s, strings.ReplaceAll(path, "*", "nothing"), "")
			continue
		}
		assert.Equal(t, 200, sameHead(t, s, path, s.reader).status, path)
		assert.Equal(t, 401, sameHead(t, s, path, "").status, path)
		assert.Equal(t, 403, sameHead(t, s, path, s.reader, header("X-Org-ID", "org_other")).status)
		assert.Equal(t, 400, sameHead(t, s, path+"?status=x", s.reader).status)
		if r.hasID() {
			assert.Equal(t, 400, sameHead(t, s, r.of(nil), s.reader).status)
			assert.Equal(t, 404, sameHead(t, s, r.of(missingResources()), s.reader).status)
		}
	}
	for path, status := range map[string]int{
		"/docs": 308, "/docs/": 200, "/openapi.yaml": 200, "/openapi.json": 200, "/": 401, "/v1": 401, "/nothing": 401, "/queues/api/queues": 401,
	} {
		assert.Equal(t, status, sameHead(t, s, path, "").status, path)
	}
	for path, status := range map[string]int{"/queues": 200, "/queues/": 200, "/queues/api/queues": 200, "/queues/api/metrics": 404} {
		assert.Equal(t, status, sameHead(t, s, path, "", operator).status, path)
	}
	assert.Equal(t, 404, sameHead(t, s, "/nothing", s.reader).status)
}

func TestHeadOfPostRouteNotAllowed(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, path := range []string{base + "/events/batch", base + "/x/disable", deliveries + "/x/retry"} {
		a := s.call(t, "HEAD", path, s.writer, "")
		assert.Equal(t, 405, a.status, path)
		assert.ElementsMatch(t, []string{"OPTIONS", "POST"}, strings.Split(a.header.Get("Allow"), ", "), path)
	}
}
