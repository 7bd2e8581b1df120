package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/web"
)

// TestWhoMayOpenWhat is the table of sessions and pages. A page that is reached answers 418.
func TestWhoMayOpenWhat(t *testing.T) {
	for _, c := range []struct {
		token, organization                         string
		readers, writers, keyReaders, of, operators int
	}{
		{"", acme, 303, 303, 303, 303, 303},
		{"ses_unknown", acme, 303, 303, 303, 303, 303},
		{readID, acme, 418, 403, 418, 404, 404},
		{readID, "other", 404, 404, 404, 404, 404},
		{writeID, acme, 418, 418, 418, 404, 404},
		{writeID, "other", 404, 404, 404, 404, 404},
		{linkID, acme, 418, 418, 403, 404, 404},
		{operator, acme, 418, 403, 418, 418, 418},
		{operator, "missing", 404, 404, 404, 404, 418},
		{acting, acme, 418, 418, 418, 418, 418},
		{acting, "other", 418, 403, 418, 418, 418},
	} {
		for access, want := range map[web.Access]int{
			web.Readers: c.readers, web.Writers: c.writers, web.KeyReaders: c.keyReaders, web.OperatorsOf: c.of, web.Operators: c.operators,
		} {
			answer := (&world{}).serve(t, site, access, get(c.token, c.organization), reached)
			assert.Equal(t, want, answer.Code, "%s in %s opens %d", c.token, c.organization, access)
		}
	}
}

func TestWithoutSessionLeadsToSignInAndBack(t *testing.T) {
	answer := (&world{}).serve(t, site, web.Readers, get("", acme), reached)
	assert.Equal(t, "/wh/console/login?next="+url.QueryEscape("/console/o/acme/page?q=1"), answer.Header().Get("Location"))

	refreshing := get("", acme)
	refreshing.Header.Set("X-Console-Refresh", "1")
	assert.Equal(t, http.StatusUnauthorized, (&world{}).serve(t, site, web.Readers, refreshing, reached).Code, "the script stops")
}

func TestUnknownSessionsAreLimited(t *testing.T) {
	w := &world{limited: true}
	answer := w.serve(t, site, web.Readers, get("ses_guessed", acme), reached)
	assert.Equal(t, http.StatusTooManyRequests, answer.Code)
	assert.Equal(t, 1, w.wrong)
}

func TestBehindTLSOnlyThePrefixedCookieCounts(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://internal/console/o/acme/page", nil)
	r.AddCookie(&http.Cookie{Name: "redrive-session", Value: writeID})
	assert.Equal(t, http.StatusSeeOther, (&world{}).serve(t, site, web.Readers, r, reached).Code)
	assert.Equal(t, http.StatusTeapot, (&world{}).serve(t, web.Site{}, web.Readers, r, reached).Code, "without TLS")
}

func TestCrossSiteFormsAreRefused(t *testing.T) {
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"} {
		r := post(writeID, acme, url.Values{})
		r.Header.Set(header, value)
		answer := (&world{}).serve(t, site, web.Writers, r, reached)
		assert.Equal(t, http.StatusForbidden, answer.Code, header)
	}
	own := post(writeID, acme, url.Values{})
	own.Header.Set("Sec-Fetch-Site", "same-origin")
	assert.Equal(t, http.StatusTeapot, (&world{}).serve(t, site, web.Writers, own, reached).Code)
}

func TestOperatorOnlyConsoleIgnoresCustomers(t *testing.T) {
	s := site
	s.OperatorOnly = true
	assert.Equal(t, http.StatusSeeOther, (&world{}).serve(t, s, web.Readers, get(writeID, acme), reached).Code)
	assert.Equal(t, http.StatusTeapot, (&world{}).serve(t, s, web.Readers, get(operator, acme), reached).Code)
}

func TestOpenConsoleNeedsNoSession(t *testing.T) {
	s := web.Site{Open: true}
	assert.Equal(t, http.StatusTeapot, (&world{}).serve(t, s, web.Writers, post("", acme, url.Values{}), reached).Code)
}

func TestSecurityHeaders(t *testing.T) {
	framed := site
	framed.FrameAncestors = []string{"https://app.example.com"}
	for _, c := range []struct {
		site             web.Site
		token, ancestors string
		options          string
	}{
		{site, writeID, "'none'", "DENY"},
		{framed, writeID, "https://app.example.com", ""},
		{framed, operator, "'none'", "DENY"},
	} {
		header := (&world{}).serve(t, c.site, web.Readers, get(c.token, acme), reached).Header()
		assert.Contains(t, header.Get("Content-Security-Policy"), "frame-ancestors "+c.ancestors)
		assert.NotContains(t, header.Get("Content-Security-Policy"), "unsafe")
		assert.Equal(t, c.options, header.Get("X-Frame-Options"))
		assert.Equal(t, "no-store", header.Get("Cache-Control"))
	}
}

func TestSessionCookie(t *testing.T) {
	framed := site
	framed.FrameAncestors = []string{"https://app.example.com"}
	for name, c := range map[string]struct {
		site web.Site
		want string
	}{
		"TLS":   {site, "__Host-redrive-session=token; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax"},
		"plain": {web.Site{}, "redrive-session=token; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"},
		"frame": {framed, "__Host-redrive-session=token; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=None; Partitioned"},
	} {
		r := get(writeID, acme)
		r.AddCookie(&http.Cookie{Name: "redrive-session", Value: writeID})
		answer := (&world{}).serve(t, c.site, web.Readers, r, func(q *web.Request) error {
			q.SetSession(q.Session, "token")
			return q.Redirect(q.Home())
		})
		require.NotEmpty(t, answer.Header().Values("Set-Cookie"), name)
		assert.Equal(t, c.want, answer.Header().Values("Set-Cookie")[0], name)
	}
}
