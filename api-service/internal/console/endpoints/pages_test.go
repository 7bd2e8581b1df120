package endpoints

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pages are all pages that are opened by an address.
var pages = []string{home, home + "/new", page, page + "/changes", page + "/edit", page + "/test", page + "/rotate-secret", page + "/delete"}

func TestReaderSeesNoControlThatWrites(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{home, page, page + "/changes", page + "?missed=2026-11-04T05:06:07Z"} {
		for _, state := range []string{"", paused, disabled} {
			a.replies["GET "+one] = in(state)
			text := shown(t, a.read(path))
			_, main, _ := strings.Cut(text, "<main")
			assert.NotContains(t, main, `method="post"`, path)
			for _, name := range []string{"/new", "/edit", "/rotate-secret", "/delete", "/test", "bulk-jobs"} {
				assert.NotRegexp(t, `href="[^"]*`+name+`["?]`, main, path)
			}
		}
	}
}

func TestReaderIsRefusedWhatWrites(t *testing.T) {
	a := newAPI(t)
	for _, route := range Routes() {
		path := "/console" + strings.NewReplacer("{organization}", "org_a", "{id}", endpointID).Replace(route.Path)
		w := a.serve(false, httptest.NewRequestWithContext(t.Context(), route.Method, path, nil))
		if route.Method == http.MethodPost || route.For != Routes()[0].For {
			assert.Equal(t, http.StatusForbidden, w.Code, path)
		} else {
			assert.Equal(t, http.StatusOK, w.Code, path)
		}
	}
	assert.Empty(t, a.writes())
}

func TestMalformedIDIsNotFound(t *testing.T) {
	a := newAPI(t)
	for _, route := range Routes() {
		if !strings.Contains(route.Path, "{id}") {
			continue
		}
		path := "/console" + strings.NewReplacer("{organization}", "org_a", "{id}", "ep_1%2F..%2Fx").Replace(route.Path)
		w := a.serve(true, httptest.NewRequestWithContext(t.Context(), route.Method, path, nil))
		assert.Equal(t, http.StatusNotFound, w.Code, path)
	}
	assert.Empty(t, a.calls)
}

func TestUnknownEndpointIsNotFound(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+one] = reply{status: 404}
	for _, path := range pages[2:] {
		if path != page+"/changes" {
			assert.Equal(t, http.StatusNotFound, a.get(path).Code, path)
		}
	}
	assert.Contains(t, shown(t, a.get(page+"/changes")), "The endpoint was deleted.", "its changes stay")
}

func TestUnavailableAPIIsAProblem(t *testing.T) {
	a := newAPI(t)
	for name := range a.replies {
		a.replies[name] = reply{status: 503}
	}
	for _, path := range pages {
		if path != home+"/new" {
			assert.Equal(t, http.StatusServiceUnavailable, a.get(path).Code, path)
		}
	}
}

func TestListFilters(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+base] = reply{status: 200, data: `{"items": [` + plain + `], "hasMore": true, "nextCursor": "c/2"}`}
	text := shown(t, a.get(home+"?failing=true&q=a%26b&cursor=c1&other=x"))
	require.Len(t, a.calls, 1)
	assert.Equal(t, base+"?"+url.Values{"failing": {"true"}, "q": {"a&b"}, "cursor": {"c1"}, "limit": {"50"}}.Encode(), a.calls[0].Path)
	for _, part := range []string{
		`href="` + home + `?cursor=c%2F2&amp;failing=true&amp;q=a%26b"`, `href="` + home + `?failing=true&amp;q=a%26b" aria-current="true"`,
		`href="` + home + `?q=a%26b&amp;status=disabled"`, `name="failing" value="true"`, `value="a&amp;b"`, "run.finished, order.*",
	} {
		assert.Contains(t, text, part)
	}
}

func TestListRefusedFilterIsShown(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+base] = reply{status: 400}
	text := shown(t, a.get(home+"?status=paused"))
	assert.Contains(t, text, "message of 400")
	assert.Contains(t, text, "No endpoint matches.")
}

func TestListFirstRun(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+base] = reply{status: 200, data: nothing}
	assert.Contains(t, shown(t, a.get(home)), "Add the first endpoint")
	assert.NotContains(t, shown(t, a.get(home+"?q=x")), "Add the first endpoint")
}

func TestNewListsTheCatalogue(t *testing.T) {
	a := newAPI(t)
	text := shown(t, a.get(home+"/new"))
	assert.Contains(t, text, "A run has ended.")
	assert.Regexp(t, `run\.old</code> <span class="badge idle">.*Deprecated`, text)
	assert.NotContains(t, text, `<details id="rare" open>`)
	assert.Regexp(t, `name="once" value="console-[A-Z2-7]+"`, text)

	a.replies["GET "+catalogue] = reply{status: 200, data: `{"items": [{"name": "a.b"}], "hasMore": true, "nextCursor": "c2"}`}
	a.calls = nil
	assert.Contains(t, shown(t, a.get(home+"/new")), "more types than this page")
	assert.Len(t, a.calls, cataloguePages)
	assert.Equal(t, catalogue+"?cursor=c2&limit=100", a.calls[1].Path)
}

func TestEditShowsMaskedHeaders(t *testing.T) {
	text := shown(t, newAPI(t).get(page+"/edit"))
	for _, part := range []string{
		"<dt>X-Token</dt><dd>****</dd>", `value="keep" checked`, `value="run.finished" checked`, "\norder.*</textarea>", `<details id="rare" open>`, `name="was" value="`,
	} {
		assert.Contains(t, text, part)
	}
}

func TestOneShowsErrorsByCode(t *testing.T) {
	text := shown(t, newAPI(t).get(page))
	assert.Regexp(t, `#http_status"><code>5xx</code>`, text)
	assert.Regexp(t, `#timeout"><code>timeout</code>`, text)
	assert.Contains(t, text, organization+"/deliveries?endpointId="+endpointID+"&amp;responseStatus=5xx")
	assert.Contains(t, text, organization+"/deliveries?endpointId="+endpointID+"&amp;errorCode=timeout")
	assert.Less(t, strings.Index(text, "5xx"), strings.Index(text, "<code>timeout"), "the most frequent first")
	assert.NotContains(t, text, "All changes")
	assert.Contains(t, text, "/regenerate-secret")
}

func TestOneShowsItsState(t *testing.T) {
	a := newAPI(t)
	for fields, part := range map[string]string{
		disabled: "Its receiver answered 410 Gone",
		paused:   "Deliveries to it wait until it is resumed: 7 now.",
		`"consecutiveFailures": 1234, "failingSince": "2026-11-03T00:00:00Z",`: "1,234 attempts have failed since the last success",
	} {
		a.replies["GET "+one] = in(fields)
		assert.Contains(t, shown(t, a.get(page)), part)
	}
}

func TestChangesHaveANextPage(t *testing.T) {
	a := newAPI(t)
	a.replies["GET "+one+"/changes"] = reply{status: 200, data: `{"items": [{"at": "2026-11-03T00:00:00Z", "change": "updated", "by": "key_1",
		"before": {"name": "Old"}, "after": {"name": "New"}}], "hasMore": true, "nextCursor": "c/2"}`}
	text := shown(t, a.get(page+"/changes?cursor=c1"))
	assert.Equal(t, one+"/changes?cursor=c1&limit=50", a.calls[0].Path)
	assert.Contains(t, text, `href="`+page+`/changes?cursor=c%2F2"`)
	assert.Contains(t, text, "<del>Old</del>")
	assert.Contains(t, text, "<ins>New</ins>")
	assert.Contains(t, shown(t, a.get(page)), `href="`+page+`/changes"`)
}

const hostile = `"'><script>alert(1)</script>{{.}}</textarea>`

func TestStoredMarkupIsShownAsText(t *testing.T) {
	a := newAPI(t)
	text := func(format string) string {
		encoded, err := json.Marshal(hostile)
		require.NoError(t, err)
		return strings.ReplaceAll(format, "§", string(encoded))
	}
	endpoint := text(`{"id": "` + endpointID + `", "name": §, "url": §, "description": §, "subscribedEventTypes": [§], "status": "active", "payload": §, "signatureHeader": §,
		"headers": {§: §}, "metadata": {§: §}, "createdBy": §, "disabledReason": §}`)
	a.replies["GET "+one] = reply{status: 200, data: endpoint}
	a.replies["GET "+base] = reply{status: 200, data: `{"items": [` + endpoint + `]}`}
	a.replies["GET "+catalogue] = reply{status: 200, data: text(`{"items": [{"name": §, "description": §}]}`)}
	a.replies["GET "+deliveries] = reply{status: 200, data: text(`{"items": [{"id": §, "status": §, "eventType": §, "errorMessage": §}]}`)}
	a.replies["GET "+one+"/stats"] = reply{status: 200, data: text(`{"totals": {"errors": {§: 1}}}`)}
	a.replies["GET "+one+"/changes"] = reply{status: 200, data: text(`{"items": [{"change": §, "by": §, "reason": §, "before": {"name": §}, "after": {"name": §, §: {§: [§]}}}]}`)}
	a.replies["GET "+deliveries+"/"+deliveryID+"/attempts"] = reply{status: 200, data: text(`{"items": [{"errorCode": §}]}`)}
	a.replies["POST "+one+"/test"] = reply{status: 200, data: text(`{"id": "` + deliveryID + `", "status": "failure", "eventType": §, "responseStatus": 500, "errorMessage": §, "responseBody": §}`)}
	a.replies["POST "+base] = reply{status: 200, data: text(`{"signingSecret": §, "endpoint": ` + endpoint + `}`)}
	fields := url.Values{}
	for _, name := range append([]string{"once", "eventType", "moreEventTypes", "data", "overlapHours", "was"}, rare...) {
		fields.Set(name, hostile)
	}
	answers := map[string]answer{
		"POST new": a.post(home+"/new", fields), "POST test": a.post(page+"/test", nil), "POST bad test": a.post(page+"/test", fields),
		"POST rotate": a.post(page+"/rotate-secret", fields), "POST edit": a.post(page+"/edit", fields), "created": a.post(home+"/new", nil),
	}
	for _, path := range append(pages, home+"?status="+url.QueryEscape(hostile)+"&q="+url.QueryEscape(hostile)) {
		answers[path] = a.get(path)
	}
	for name, w := range answers {
		assert.Contains(t, w.text, "&lt;script&gt;", name)
		assert.NotContains(t, w.text, "<script>alert", name)
		assert.NotContains(t, w.text, `"'>`, name)
		assert.Equal(t, strings.Count(w.text, "<textarea"), strings.Count(w.text, "</textarea>"), name)
	}
}

func TestPagesHaveOneHeadingOfTheFirstLevel(t *testing.T) {
	a := newAPI(t)
	for _, path := range pages {
		text := shown(t, a.get(path))
		assert.Equal(t, 1, strings.Count(text, "<h1"), path)
	}
}
