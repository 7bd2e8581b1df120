package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

const browsersAccept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"

func TestRootBrowserRedirectsToReference(t *testing.T) {
	s := newService(t).withKeys(t)
	for accept, redirects := range map[string]bool{
		browsersAccept: true, "text/html": true, "TEXT/HTML": true, " text/html ; charset=utf-8 ": true, "text/html;q=0.001": true, "text/html;q=1.000": true,
		"*/*;q=0.1, text/html;level=1": true, "application/json;q=0.9, text/html": true, "application/json, text/html": true, "text/html, text/html;q=0": true,
		"": false, "*/*": false, "text/*": false, "application/json": false, "application/json, text/plain, */*": false, "application/xhtml+xml": false,
		"text/html;q=0": false, "text/html;q=0.000, */*": false, "text/html;q=0.0;level=1": false, "application/json, text/html;q=0.9": false,
		"text/htmlx": false, "xtext/html": false, "text/html/x": false, "text/plain;a=text/html": false, "text/html;q=2": false, "text/html;q=-1": false,
		"text/html;q=x": false, "text/html;q=0.0001": false, "text/html;q": false, ",,;": false, "\xff": false,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, key := range []string{"", s.reader} {
				a := s.call(t, method, "/", key, "", header("Accept", accept))
				assert.Contains(t, a.header.Values("Vary"), "Accept", accept)
				switch {
				case redirects:
					assert.Equal(t, 302, a.status, accept)
					assert.Equal(t, "/docs", a.header.Get("Location"), accept)
				case key == "":
					assert.Equal(t, 401, a.status, accept)
				default:
					assert.Equal(t, 404, a.status, accept)
				}
			}
		}
	}
	several := func(r *http.Request) { r.Header["Accept"] = []string{"application/json;q=0.5", "text/html"} }
	assert.Equal(t, 302, s.call(t, "GET", "/", "", "", several).status)

	f := refused(t, s.call(t, "GET", "/", "", ""), 401, "unauthenticated")
	assert.Contains(t, f.Message, "/docs")
	for _, method := range []string{"POST", "DELETE", "OPTIONS", "PUT"} {
		refused(t, s.call(t, method, "/", "", "", header("Accept", browsersAccept)), 401, "unauthenticated")
		refused(t, s.call(t, method, "/", s.reader, "", header("Accept", browsersAccept)), 404, "route_not_found")
	}
	// No other answer depends on Accept.
	refused(t, s.call(t, "GET", "/v1", "", "", header("Accept", browsersAccept)), 401, "unauthenticated")
	refused(t, s.call(t, "GET", base, "", "", header("Accept", browsersAccept)), 401, "unauthenticated")
}

func TestRootCountsAgainstAddressLimit(t *testing.T) {
	s := newService(t, frozen(Limits{Unauthenticated: 1}))
	for range 5 {
		assert.Equal(t, 302, s.call(t, "GET", "/", "", "", header("Accept", browsersAccept)).status)
	}
	refused(t, s.call(t, "GET", "/", "", "", header("Accept", browsersAccept)), 429, "rate_limited")
}
