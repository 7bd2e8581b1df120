package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/web"
)

var trial = web.Parse(fstest.MapFS{"page.html": {Data: []byte(
	`{{define "content"}}<h1>{{.Title}}</h1><p id="data">{{.Page}}</p>{{template "code" "timeout"}}{{template "id" "dlv_1"}}{{end}}`)}}, "page.html")

func show(data any) func(q *web.Request) error {
	return func(q *web.Request) error { return q.Show(trial, "A title", data) }
}

func TestPagesEscapeEverything(t *testing.T) {
	answer := (&world{}).serve(t, site, web.Readers, get(readID, acme), show(`<script>alert(1)</script>`))
	require.Equal(t, http.StatusOK, answer.Code)
	body := answer.Body.String()
	assert.Contains(t, body, `&lt;script&gt;alert(1)&lt;/script&gt;`)
	assert.Contains(t, body, "Acme &lt;b&gt;", "the organization's name")
	assert.NotContains(t, body, "<script>alert")
	assert.Contains(t, body, `href="/wh/docs/guides/codes#timeout"`, "links have the prefix of the public address")
	assert.Contains(t, body, `href="/wh/console/o/acme/deliveries"`)
}

func TestReadOnlyAndLinkSessionsSayIt(t *testing.T) {
	assert.Contains(t, (&world{}).serve(t, site, web.Readers, get(readID, acme), show("")).Body.String(), "Read-only")
	link := (&world{}).serve(t, site, web.Readers, get(linkID, acme), show("")).Body.String()
	assert.Contains(t, link, "jane")
	assert.NotContains(t, link, "/console/o/acme/keys", "a session by link has no page of keys")
	of := (&world{}).serve(t, site, web.Readers, get(operator, acme), show("")).Body.String()
	assert.Contains(t, of, "Act for this organization")
	assert.NotContains(t, of, "You act for this organization")
	assert.Contains(t, (&world{}).serve(t, site, web.Readers, get(acting, acme), show("")).Body.String(), "You act for this organization")
}

// What an action says is shown on the next page, once.
func TestFlashIsShownOnce(t *testing.T) {
	first := (&world{}).serve(t, site, web.Writers, post(writeID, acme, nil), func(q *web.Request) error {
		q.SetFlash(web.Done, "It is <done>.")
		return q.Redirect(q.To("page"))
	})
	require.Equal(t, http.StatusSeeOther, first.Code)
	r := get(writeID, acme)
	for _, cookie := range (&http.Response{Header: first.Header()}).Cookies() {
		r.AddCookie(cookie)
	}
	second := (&world{}).serve(t, site, web.Readers, r, show(""))
	assert.Contains(t, second.Body.String(), "It is &lt;done&gt;.")
	require.Len(t, second.Header().Values("Set-Cookie"), 1)
	assert.Contains(t, second.Header().Get("Set-Cookie"), "Max-Age=0", "the browser forgets it")
}

// With a tab for each of two organizations, a message appears on a page of the organization that it is about.
func TestFlashIsShownToItsOrganization(t *testing.T) {
	first := (&world{}).serve(t, site, web.Writers, post(acting, acme, nil), func(q *web.Request) error {
		q.SetFlash(web.Done, "It is done.")
		return q.Redirect(q.To("page"))
	})
	for organization, want := range map[string]bool{acme: true, "other": false} {
		r := get(operator, organization)
		for _, cookie := range (&http.Response{Header: first.Header()}).Cookies() {
			r.AddCookie(cookie)
		}
		answer := (&world{}).serve(t, site, web.Readers, r, show(""))
		require.Equal(t, http.StatusOK, answer.Code)
		assert.Equal(t, want, strings.Contains(answer.Body.String(), "It is done."), organization)
		assert.Len(t, answer.Header().Values("Set-Cookie"), map[bool]int{true: 1, false: 0}[want], "it is kept for the other page")
	}
}

func TestAssetsAreKeptByTheirContent(t *testing.T) {
	kit := (&world{}).kit(site)
	mux := http.NewServeMux()
	mux.Handle("GET "+web.Root+"/assets/{name}", kit.Handler(web.Route{For: web.Anybody, Handle: (*web.Request).ServeAsset}))
	for name, contentType := range map[string]string{
		"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "theme.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, web.Root+"/assets/"+name, nil))
		assert.Equal(t, http.StatusOK, answer.Code)
		assert.Equal(t, contentType, answer.Header().Get("Content-Type"))
		assert.NotEmpty(t, answer.Header().Get("ETag"))
		assert.Equal(t, "no-cache", answer.Header().Get("Cache-Control"), "without the tag of its content")
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, web.Root+"/assets/other.css", nil))
	assert.Equal(t, http.StatusNotFound, answer.Code)
}

// Viewers with the same rights share the rendering of a page that refreshes itself. It has the content alone, and nothing of a session.
func TestRefreshingPagesShareTheirRendering(t *testing.T) {
	rendered := 0
	kit := (&world{}).kit(site)
	mux := http.NewServeMux()
	mux.Handle(web.Root+"/o/{organization}/page", kit.Handler(web.Route{For: web.Readers, Handle: func(q *web.Request) error {
		rendered++
		return q.Show(trial, "A title", rendered)
	}}))
	open := func(token string) string {
		r := get(token, acme)
		r.Header.Set("X-Console-Refresh", "1")
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		require.Equal(t, http.StatusOK, answer.Code)
		return answer.Body.String()
	}
	first := open(linkID)
	assert.Contains(t, first, `<p id="data">1</p>`)
	assert.NotContains(t, first, "jane")
	assert.NotContains(t, first, "<header")
	assert.Equal(t, first, open(linkID))
	assert.Equal(t, 1, rendered)
	for i, token := range []string{readID, writeID, operator, acting} {
		open(token)
		assert.Equal(t, i+2, rendered, "%s has other rights", token)
	}
}
