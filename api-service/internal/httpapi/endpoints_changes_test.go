package httpapi

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// listed returns the items of a list.
func (s *service) listed(t *testing.T, path string) []map[string]any {
	t.Helper()
	items, ok := granted(t, s.call(t, "GET", path, s.reader, ""))["items"].([]any)
	require.True(t, ok, path)
	list := make([]map[string]any, len(items))
	for i := range items {
		list[i], _ = items[i].(map[string]any)
	}
	return list
}

func TestChangesShowWhoChangedWhat(t *testing.T) {
	s := newService(t).withKeys(t)
	created, _ := granted(t, s.call(t, "POST", base, s.writer, fullBody))["endpoint"].(map[string]any)
	id, _ := created["id"].(string)
	other, _ := s.endpoint(t, s.writer)
	s.patched(t, id, `{"url": "https://new.example.com", "headers": {"X-A": "another canary"}}`)
	granted(t, s.call(t, "POST", base+"/"+id+"/regenerate-secret", s.writer, ""))
	granted(t, s.call(t, "POST", base+"/"+id+"/disable", s.writer, ""))
	granted(t, s.call(t, "POST", base+"/"+id+"/enable", s.writer, ""))

	changes := s.listed(t, base+"/"+id+"/changes")
	var kinds []string
	for _, c := range changes {
		kind, _ := c["change"].(string)
		kinds = append(kinds, kind)
		assert.Equal(t, id, c["endpointId"])
		assert.Equal(t, created["createdBy"], c["by"])
	}
	assert.Equal(t, []string{"enabled", "disabled", "secret_regenerated", "updated", "created"}, kinds)
	assert.Equal(t, map[string]any{"url": created["url"], "headers": map[string]any{"X-A": "****"}}, changes[3]["before"])
	assert.Equal(t, map[string]any{"url": "https://new.example.com", "headers": map[string]any{"X-A": "****"}}, changes[3]["after"])
	assert.Equal(t, "manual", changes[1]["reason"])
	assert.NotContains(t, changes[0], "reason")
	assert.Equal(t, map[string]any{}, changes[4]["before"])
	whole := s.call(t, "GET", base+"/changes", s.reader, "").body
	assert.NotContains(t, string(whole), "canary")
	assert.NotContains(t, string(whole), "whsec_")

	assert.Len(t, s.listed(t, base+"/changes"), 6)
	assert.Len(t, s.listed(t, base+"/changes?endpointId="+other), 1)
	by, _ := created["createdBy"].(string)
	assert.Len(t, s.listed(t, base+"/changes?by="+by), 6)
	assert.Empty(t, s.listed(t, base+"/changes?by=system"))
	at, _ := changes[1]["at"].(string)
	assert.Equal(t, changes[:2], s.listed(t, base+"/"+id+"/changes?from="+at), "from is inclusive")
	assert.Equal(t, changes[2:], s.listed(t, base+"/"+id+"/changes?to="+at), "to is exclusive")

	page := granted(t, s.call(t, "GET", base+"/"+id+"/changes?limit=2", s.reader, ""))
	cursor, _ := page["nextCursor"].(string)
	assert.Equal(t, changes[2:4], s.listed(t, base+"/"+id+"/changes?limit=2&cursor="+url.QueryEscape(cursor)))
	refused(t, s.call(t, "GET", base+"/"+other+"/changes?cursor="+url.QueryEscape(cursor), s.reader, ""), 400, "invalid_cursor")
	for query, reason := range map[string]string{
		"from=yesterday": "invalid_time", "to=2026": "invalid_time", "endpointId=x": "invalid_id", "by=": "required", "by=%00": "invalid_text",
		"offset=1": "unknown_parameter",
	} {
		refused(t, s.call(t, "GET", base+"/changes?"+query, s.reader, ""), 400, reason)
	}
	refused(t, s.call(t, "GET", base+"/"+webhook.NewID(webhook.KindEndpoint, webhook.Now())+"/changes", s.reader, ""), 404, "endpoint_not_found")
}

func TestListEndpointsFilters(t *testing.T) {
	s := newService(t).withKeys(t)
	ids := map[string]string{}
	for name, address := range map[string]string{"Billing": "https://hooks.example.com/a", "100%_x": "https://other.example.org/hooks", "Zürich": "https://zurich.example.com"} {
		endpoint, _ := granted(t, s.call(t, "POST", base, s.writer, `{"name": "`+name+`", "url": "`+address+`"}`))["endpoint"].(map[string]any)
		ids[name], _ = endpoint["id"].(string)
	}
	granted(t, s.call(t, "POST", base+"/"+ids["Billing"]+"/disable", s.writer, ""))
	for query, want := range map[string][]string{
		"status=disabled": {"Billing"}, "status=active": {"100%_x", "Zürich"}, "q=bill": {"Billing"}, "q=HOOKS.": {"Billing"}, "q=hooks": {"Billing"},
		"q=example": {}, "q=100%25_": {"100%_x"}, "q=1000": {}, "q=_": {}, "q=other.example.org": {"100%_x"}, "q=other.example.org/h": {},
		"q=Zü": {"Zürich"}, "q=z": {"Zürich"}, "q=z&status=disabled": {}, "q=https": {}, "q=%5C": {},
	} {
		names := []string{}
		for _, endpoint := range s.listed(t, base+"?"+query) {
			name, _ := endpoint["name"].(string)
			names = append(names, name)
		}
		assert.ElementsMatch(t, want, names, query)
	}
	for query, reason := range map[string]string{"status=paused": "out_of_range", "status=": "out_of_range", "q=": "required", "q=%00": "invalid_text", "q=%ff": "invalid_text"} {
		refused(t, s.call(t, "GET", base+"?"+query, s.reader, ""), 400, reason)
	}
}
