package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/guides"
)

var (
	linked = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	named  = regexp.MustCompile(` id="([^"]*)"`)
)

// crawl follows the links of the documentation from an address and returns every page.
func (s *service) crawl(t *testing.T, start string) map[string]answer {
	t.Helper()
	found := map[string]answer{}
	for open := []string{start}; len(open) > 0; {
		address := open[0]
		open = open[1:]
		if _, known := found[address]; known {
			continue
		}
		found[address] = s.call(t, "GET", address, "", "")
		if !isHTML(found[address]) {
			continue
		}
		for _, link := range linked.FindAllSubmatch(found[address].body, -1) {
			target, _, _ := strings.Cut(string(link[1]), "#")
			if target != "" && !strings.Contains(target, "://") {
				open = append(open, target)
			}
		}
	}
	return found
}

func isHTML(a answer) bool { return strings.HasPrefix(a.header.Get("Content-Type"), "text/html") }

func TestGuidesLinkedFromReference(t *testing.T) {
	s := newService(t)
	found := s.crawl(t, "/docs/")
	for _, guide := range guides.All() {
		address := "/docs/guides/" + guide.Name
		require.Contains(t, found, address)
		assert.Contains(t, string(found[address].body), `href="/docs/"`, "%s links back", address)
		assert.Contains(t, string(found["/docs/"].body), `href="`+address+`"`)
	}
	require.Contains(t, found, "/docs/guides/")
}

func TestGuidesLinksResolve(t *testing.T) {
	s := newService(t)
	found := s.crawl(t, "/docs/")
	fragments := 0
	for address, page := range found {
		assert.Equal(t, 200, page.status, address)
		if !isHTML(page) {
			continue
		}
		assert.NotRegexp(t, `href="[^"/#h]`, string(page.body), "%s: a relative link", address)
		for _, link := range linked.FindAllSubmatch(page.body, -1) {
			target, fragment, ok := strings.Cut(string(link[1]), "#")
			if !ok {
				continue
			}
			fragments++
			if target == "" {
				target = address
			}
			var names []string
			for _, name := range named.FindAllSubmatch(found[target].body, -1) {
				names = append(names, string(name[1]))
			}
			assert.Contains(t, names, fragment, "%s links to %s", address, link[1])
		}
	}
	assert.Greater(t, fragments, 10)
}

// A guide is a document with a language, a title and landmarks. It needs nothing that the policy forbids.
func TestGuidesAreCompletePages(t *testing.T) {
	s := newService(t)
	for _, name := range append(guides.All(), guides.Guide{}) {
		page := s.call(t, "GET", "/docs/guides/"+name.Name, "", "")
		require.Equal(t, 200, page.status, name)
		body := string(page.body)
		for _, part := range []string{`<html lang="en">`, "<title>", "<main ", "<nav aria-label=", `aria-current="page"`, "<h1"} {
			assert.Equal(t, 1, strings.Count(body, part), "%s: %s", name.Name, part)
		}
		assert.NotRegexp(t, `<script|<style|\bstyle=| on\w+=|<!-- raw`, body, name.Name)
		assert.NotContains(t, body, "mermaid", "a page without scripts draws no diagram")
		assert.Contains(t, page.header.Get("Content-Type"), "text/html")
		policy := page.header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'; script-src 'self';")
		assert.NotContains(t, policy, "unsafe")
	}
}

func TestGuidesWithoutSlashRedirect(t *testing.T) {
	s := newService(t)
	moved := s.call(t, "GET", "/docs/guides", "", "")
	assert.Equal(t, 308, moved.status)
	assert.Equal(t, "/docs/guides/", moved.header.Get("Location"))
	for _, path := range []string{"/docs/guides/nothing", "/docs/guides/quick-start/", "/docs/guides/quick-start.md", "/docs/guides/../../go.mod", "/docs/guides//"} {
		refused(t, s.call(t, "GET", path, "", ""), 404, "route_not_found")
	}
}

func TestGuidesUnchangedNotSentAgain(t *testing.T) {
	s := newService(t)
	asks := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, path := range []string{"/docs/guides/operations", "/docs/guides/", "/docs/guides.css"} {
		whole := s.call(t, "GET", path, "", "", asks("Accept-Encoding", "identity"))
		require.Equal(t, 200, whole.status, path)
		again := s.call(t, "GET", path, "", "", asks("If-None-Match", whole.header.Get("ETag")), asks("Accept-Encoding", "identity"))
		assert.Equal(t, 304, again.status, path)
		packed := s.call(t, "GET", path, "", "", asks("Accept-Encoding", "gzip"))
		require.Equal(t, "gzip", packed.header.Get("Content-Encoding"), path)
		assert.NotEqual(t, whole.header.Get("ETag"), packed.header.Get("ETag"), path)
		reader, err := gzip.NewReader(bytes.NewReader(packed.body))
		require.NoError(t, err)
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.Equal(t, string(whole.body), string(content), path)
	}
}
