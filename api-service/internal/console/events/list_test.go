package events_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/webtest"
)

func TestListSendsFiltersAndShowsThem(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, reply(object{"items": []any{
		object{"id": eventID, "eventType": webtest.Hostile, "workflowId": webtest.Hostile, "createdAt": "2026-01-02T03:04:05Z"},
	}, "hasMore": true, "nextCursor": "c+/="}))
	filter := url.Values{
		"eventType": {webtest.Hostile}, "workflowId": {"wf"}, "runId": {"r"}, "executionId": {"e"}, "from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"},
		"status": {"failure"}, // no filter of events
	}
	page := c.Get(webtest.Writer, "events?"+filter.Encode())

	call := c.Call("GET")
	filter.Del("status")
	sent := url.Values{"limit": {"50"}, "bodies": {"false"}}
	for name := range filter {
		sent[name] = filter[name]
	}
	assert.Equal(t, sent, call.Query)

	for name := range filter {
		assert.Equal(t, filter.Get(name), page.Value(name), name)
	}
	without := url.Values{}
	for name := range filter {
		if name != "runId" {
			without[name] = filter[name]
		}
	}
	assert.True(t, page.Has("a", "href", webtest.Path("events?"+without.Encode())), "the chip of the run leads to the list without it")
	filter.Set("cursor", "c+/=")
	assert.True(t, page.Has("a", "href", webtest.Path("events?"+filter.Encode())), "the next page keeps the filters")
	assert.True(t, page.Has("a", "href", webtest.Path(member)))
	assert.Contains(t, page.Exact("td"), webtest.Hostile)
}

func TestListCursorIsSent(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, reply(items()))
	page := c.Get(webtest.Reader, "events?cursor=abc")
	assert.Equal(t, "abc", c.Call("GET").Query.Get("cursor"))
	assert.Contains(t, page.Text(), "No event was published yet.")
}

func TestListFilterRefusedIsShown(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, webtest.Reply{Status: 400, Reason: "invalid_time", Field: "from", Message: "from must be a time " + webtest.Hostile})
	page := c.Get(webtest.Writer, "events?from=yesterday")
	assert.Equal(t, 200, page.Status)
	assert.Contains(t, page.Text(), "from must be a time <script>")
	assert.Equal(t, "yesterday", page.Value("from"))
}

func TestListOffersPublishing(t *testing.T) {
	for who, offered := range map[webtest.Who]bool{webtest.Writer: true, webtest.Reader: false, webtest.Linked: false, webtest.Operator: false} {
		c := console(t)
		c.Answer("GET "+all, reply(items()))
		page := c.Get(who, "events")
		assert.Equal(t, offered, page.Has("a", "href", webtest.Path("events/publish")), who)
	}
}
