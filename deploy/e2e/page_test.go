package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestListIsPagedNewestFirst(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(200))
		other := c.endpoint(t, url, 0, "never")
		target := c.endpoint(t, url, 0)
		var ids []string
		for range 5 {
			ids = append(ids, c.publish(t).ID)
		}
		slices.Reverse(ids)

		list := func(query string) (found []string, p page[delivery]) {
			p = data[page[delivery]](t, c.get(t, deliveries+query))
			for _, d := range p.Items {
				found = append(found, d.ID)
			}
			return found, p
		}
		found, p := list("")
		assert.Equal(t, ids, found)
		assert.Equal(t, []any{false, 20, 0}, []any{p.HasMore, p.Limit, p.Offset})
		found, p = list("?limit=2")
		assert.Equal(t, ids[:2], found)
		assert.True(t, p.HasMore)
		found, p = list("?limit=2&offset=3")
		assert.Equal(t, ids[3:], found)
		assert.Equal(t, []any{false, 2, 3}, []any{p.HasMore, p.Limit, p.Offset})
		found, _ = list("?offset=1000000")
		assert.Empty(t, found)
		found, _ = list("?limit=100&endpointId=" + target.ID)
		assert.Equal(t, ids, found)
		found, _ = list("?endpointId=" + other.ID)
		assert.Empty(t, found)

		endpoints := data[page[endpoint]](t, c.get(t, base+"?limit=1"))
		require.Len(t, endpoints.Items, 1)
		assert.Equal(t, target.ID, endpoints.Items[0].ID, "newest first")
		assert.True(t, endpoints.HasMore)
	})
}

func TestListLimitsAreChecked(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for _, path := range []string{base, deliveries, deliveries + "/dlv_" + nobodys + "/attempts"} {
			for field, values := range map[string][]string{
				"limit":  {"0", "-1", "101", "99999999999999999999", "a", "1.5", "", "%00", "1e1", "%D9%A1"},
				"offset": {"-1", "99999999999999999999", "a", "1.5", ""},
			} {
				for _, value := range values {
					t.Run(fmt.Sprintf("%s=%s of %s", field, value, path), func(t *testing.T) {
						answer := c.call(t, request{method: "GET", path: path + "?" + field + "=" + value, wrong: true})
						p := answer.refused(t, 400, "out_of_range")
						assert.Equal(t, field, p.Details[0].Field)
					})
				}
				twice := c.call(t, request{method: "GET", path: path + "?" + field + "=1&" + field + "=1", wrong: true})
				assert.Equal(t, field, twice.refused(t, 400, "repeated_parameter").Details[0].Field, path)
				misspelled := c.call(t, request{method: "GET", path: path + "?" + strings.ToUpper(field) + "=1", wrong: true})
				misspelled.refused(t, 400, "unknown_parameter")
			}
		}
	})
}

func TestListEmptyIsAnEmptyArray(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for _, path := range []string{base, deliveries} {
			assert.Contains(t, string(c.get(t, path).body), `"items":[]`)
		}
	})
}
