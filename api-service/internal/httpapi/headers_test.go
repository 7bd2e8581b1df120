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

// assertSafeHeaders checks the headers of an answer that is not a page.
func assertSafeHeaders(t *testing.T, a answer) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Frame-Options": "DENY",
	} {
		assert.Equal(t, []string{want}, a.header.Values(name), name)
	}
	for _, banner := range []string{"Server", "X-Powered-By"} {
		assert.Empty(t, a.header.Values(banner), "the server is not named")
	}
}

func TestAnswersAllHaveSecurityHeaders(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		for _, key := range []string{s.writer, s.reader, ""} {
			assertSafeHeaders(t, s.call(t, r.method, r.of(own), key, r.body()))
		}
		assertSafeHeaders(t, s.call(t, "OPTIONS", r.of(own), s.reader, ""))
		assertSafeHeaders(t, s.call(t, "HEAD", r.of(own), s.reader, ""))
	}
	assertSafeHeaders(t, s.call(t, "GET", "/", "", ""))
	assertSafeHeaders(t, s.call(t, "GET", "/nothing", s.reader, ""))
}

// The policy of the queue's page allows its own scripts and no others.
func TestQueuesPagePolicyAllowsOwnScripts(t *testing.T) {
	redis, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = redis.Close() })
	s := newService(t, func(d *Dependencies) { d.Redis, d.Queues = redis, QueuesOptions{Open: true} })
	page := s.call(t, "GET", "/queues", "", "")
	require.Equal(t, 200, page.status)
	policy := page.header.Get("Content-Security-Policy")
	assert.Contains(t, policy, "default-src 'self'")
	assert.Contains(t, policy, "script-src 'self'")
	assert.Contains(t, policy, "frame-ancestors 'none'")
	assert.NotContains(t, policy, "http")
	assert.Equal(t, "nosniff", page.header.Get("X-Content-Type-Options"))
	assert.Equal(t, "no-referrer", page.header.Get("Referrer-Policy"))
	assert.NotRegexp(t, `(?:src|href)="?https?:`, string(page.body), "it loads nothing from elsewhere, which the policy would refuse")
}

func TestCORS(t *testing.T) {
	const ours, theirs = "https://app.example.com", "https://evil.example.com"
	s := newService(t, func(d *Dependencies) { d.CORSOrigins = []string{"http://localhost:3000", ours} }).withKeys(t)
	off := serve(t, s.store)
	granting := []string{"Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age", "Allow-Credentials"}
	nothing := func(a answer) {
		t.Helper()
		for _, name := range granting {
			assert.Empty(t, a.header.Values("Access-Control-"+name), name)
		}
	}
	preflight := func(r *http.Request) {
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization")
	}
	from := func(origin string) func(*http.Request) { return header("Origin", origin) }

	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		path := strings.ReplaceAll(r.path, ":id", "x")
		a := s.call(t, "OPTIONS", path, "", "", from(ours), preflight)
		assert.Equal(t, 204, a.status, path)
		assert.Equal(t, ours, a.header.Get("Access-Control-Allow-Origin"))
		assert.Contains(t, a.header.Get("Access-Control-Allow-Methods"), r.method)
		assert.Contains(t, a.header.Get("Access-Control-Allow-Headers"), "Authorization")
		assert.Equal(t, "600", a.header.Get("Access-Control-Max-Age"))
		assert.Equal(t, []string{"Origin"}, a.header.Values("Vary"))
		assert.Empty(t, a.header.Values("Access-Control-Allow-Credentials"))
		assertSafeHeaders(t, a)
	}
	for _, key := range []string{s.reader, ""} { // a page can read the reason of a refusal too
		a := s.call(t, "GET", base, key, "", from(ours))
		assert.Equal(t, ours, a.header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, "X-Request-Id, Retry-After, Idempotency-Replayed", a.header.Get("Access-Control-Expose-Headers"))
		assert.Equal(t, []string{"Origin"}, a.header.Values("Vary"))
		assert.Empty(t, a.header.Values("Access-Control-Allow-Credentials"))
	}
	for _, origin := range []string{theirs, "null", "*", "", strings.ToUpper(ours), ours + ":443", ours + ".evil.example", "http://app.example.com", ours + "/"} {
		refusal := s.call(t, "OPTIONS", base, "", "", from(origin), preflight)
		refused(t, refusal, 401, "unauthenticated")
		nothing(refusal)
		nothing(s.call(t, "GET", base, s.reader, "", from(origin)))
	}
	two := func(r *http.Request) { r.Header["Origin"] = []string{theirs, ours} }
	nothing(s.call(t, "GET", base, s.reader, "", two))

	a := off.call(t, "OPTIONS", base, "", "", from(ours), preflight)
	refused(t, a, 401, "unauthenticated")
	nothing(a)
	assert.Empty(t, a.header.Values("Vary"), "without the setting nothing depends on it")

	// OPTIONS without a preflight header gets the usual answer.
	assert.Equal(t, 401, s.call(t, "OPTIONS", base, "", "", from(ours)).status)
	nothing(s.call(t, "OPTIONS", "/queues/api/queues", "", "", from(ours), preflight))
}
