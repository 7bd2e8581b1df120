package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// malformed has texts in the place of an ID, as they are in a URL. A text that is also a path may match another route, which answers 404
// or 405.
var malformed = map[string]struct {
	text      string
	otherPath bool
}{
	"a word":                  {"x", false},
	"a bare prefix":           {"dlv_", false},
	"no prefix":               {nobodys, false},
	"another kind":            {"evt_" + nobodys, false},
	"lower case":              {"dlv_" + strings.ToLower(nobodys), false},
	"too short":               {"dlv_" + nobodys[:25], false},
	"too long":                {"dlv_" + nobodys + "0", false},
	"letters it has not":      {"dlv_" + strings.Repeat("U", 26), false},
	"more than 128 bits":      {"dlv_8" + nobodys[1:], false},
	"a slash":                 {"dlv_" + nobodys + "%2F", true},
	"a slash amid":            {"dlv_%2F" + nobodys[3:], true},
	"parent":                  {"..%2f", true},
	"parent's parent":         {"..%2f..%2f", true},
	"dots":                    {"..", true},
	"encoded dots":            {"%2e%2e", true},
	"NUL":                     {"%00", false},
	"NUL behind":              {"dlv_" + nobodys + "%00", false},
	"ten thousand":            {strings.Repeat("a", 10_000), false},
	"ten thousand and prefix": {"dlv_" + strings.Repeat("0", 10_000), false},
	"invalid UTF-8":           {"dlv_%ff%fe" + nobodys[2:], false},
	"a line break":            {"dlv_" + nobodys + "%0A", false},
	"a space":                 {"%20dlv_" + nobodys, false},
	"a quote":                 {"dlv_'%20OR%201=1--", false},
	"a percent sign":          {"dlv_%25", false},
	"full width":              {"dlv_%EF%BC%90" + nobodys[1:], false},
}

func TestMalformedIDIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for name, bad := range malformed {
			t.Run(name, func(t *testing.T) {
				for _, o := range operations() {
					path := strings.NewReplacer("dlv_"+nobodys, bad.text, "evt_"+nobodys, bad.text, "ep_"+nobodys, bad.text, "key_"+nobodys, bad.text).Replace(o.path)
					if path == o.path {
						continue
					}
					answer := c.call(t, request{method: o.method, path: path, body: o.body})
					if bad.otherPath && answer.status != http.StatusBadRequest {
						assert.Contains(t, []int{200, 404, 405}, answer.status, "%s %s: %s", o.method, path, answer.body)
						continue
					}
					answer.refused(t, 400, "invalid_id")
				}
			})
		}
	})
}

func TestMalformedFilterIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for name, bad := range malformed {
			answer := c.get(t, deliveries+"?endpointId="+bad.text)
			p := answer.refused(t, 400, "invalid_id")
			assert.Equal(t, "endpointId", p.Details[0].Field, name)
		}
		c.get(t, deliveries+"?endpointId=").refused(t, 400, "invalid_id")
		assert.Empty(t, data[page[delivery]](t, c.get(t, deliveries+"?endpointId=ep_"+nobodys)).Items)
	})
}
