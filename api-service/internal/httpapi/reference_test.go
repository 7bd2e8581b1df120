package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReferenceNeedsNoKeyAndIsComplete(t *testing.T) {
	s := newService(t)
	page := s.call(t, "GET", "/docs/", "", "")
	require.Equal(t, 200, page.status)
	assert.Contains(t, page.header.Get("Content-Type"), "text/html")
	assert.NotRegexp(t, `<script>|<style|style=| on\w+=`, string(page.body), "the policy lets nothing inline run")

	links := regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllSubmatch(page.body, -1)
	require.Greater(t, len(links), 6)
	for _, link := range links {
		assert.Regexp(t, `^/[^/]`, string(link[1]), "of this server alone")
		served := s.call(t, "GET", string(link[1]), "", "")
		assert.Equal(t, 200, served.status, string(link[1]))
		assert.NotEmpty(t, served.body)
	}
}

func TestReferenceHasStrictPolicy(t *testing.T) {
	s := newService(t)
	for path, contentType := range map[string]string{
		"/docs/": "text/html", "/docs/init.js": "text/javascript", "/docs/samples.js": "text/javascript", "/docs/errors.js": "text/javascript",
		"/docs/labels.js": "text/javascript", "/docs/swagger-ui-bundle.js": "text/javascript",
		"/docs/swagger-ui.css": "text/css", "/docs/reference.css": "text/css", "/docs/guides.css": "text/css", "/docs/favicon.png": "image/png",
	} {
		a := s.call(t, "GET", path, "", "")
		assert.Equal(t, 200, a.status, path)
		assert.Contains(t, a.header.Get("Content-Type"), contentType)
		policy := a.header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; script-src 'self';")
		assert.NotContains(t, policy, "unsafe")
		assert.NotContains(t, policy, "http")
		assert.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
	}
}

func TestReferenceWithoutSlashRedirects(t *testing.T) {
	s := newService(t)
	a := s.call(t, "GET", "/docs", "", "")
	assert.Equal(t, 308, a.status)
	assert.Equal(t, "/docs/", a.header.Get("Location"))
	for _, path := range []string{"/docs/nothing", "/docs/index.html", "/docs/../openapi.yaml", "/docs//"} {
		refused(t, s.call(t, "GET", path, "", ""), 404, "route_not_found")
	}
}

// A browser gets a file once, compressed if it accepts that.
func TestReferenceUnchangedNotSentAgain(t *testing.T) {
	s := newService(t)
	asks := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, path := range []string{"/docs/", "/docs/swagger-ui-bundle.js", "/docs/samples.js"} {
		whole := s.call(t, "GET", path, "", "", asks("Accept-Encoding", "identity"))
		require.Equal(t, 200, whole.status)
		assert.Empty(t, whole.header.Get("Content-Encoding"))
		again := s.call(t, "GET", path, "", "", asks("If-None-Match", whole.header.Get("ETag")), asks("Accept-Encoding", "identity"))
		assert.Equal(t, 304, again.status, path)
		assert.Empty(t, again.body)

		packed := s.call(t, "GET", path, "", "", asks("Accept-Encoding", "br, gzip"))
		require.Equal(t, 200, packed.status)
		if packed.header.Get("Content-Encoding") == "" {
			continue
		}
		assert.NotEqual(t, whole.header.Get("ETag"), packed.header.Get("ETag"))
		unpacked, err := gzip.NewReader(bytes.NewReader(packed.body))
		require.NoError(t, err)
		content, err := io.ReadAll(unpacked)
		require.NoError(t, err)
		assert.Equal(t, whole.body, content, path)
	}
	bundle := s.call(t, "GET", "/docs/swagger-ui-bundle.js", "", "", asks("Accept-Encoding", "gzip"))
	assert.Equal(t, "gzip", bundle.header.Get("Content-Encoding"))
	refused := s.call(t, "GET", "/docs/swagger-ui-bundle.js", "", "", asks("Accept-Encoding", "gzip;q=0"))
	assert.Empty(t, refused.header.Get("Content-Encoding"))
}
