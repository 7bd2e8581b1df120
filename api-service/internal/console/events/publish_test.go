package events_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/web"
	"redrive/api-service/internal/console/webtest"
)

const catalogue = "GET /v1/event-types"

func TestPublishFormFillsInSample(t *testing.T) {
	c := console(t)
	c.Answer(catalogue, webtest.Reply{Data: `{"items":[
		{"name":"a.b","deprecated":true},
		{"name":"c.d","description":` + webtest.JSON(webtest.Hostile) + `,"sample":` + exact + `}],"hasMore":false}`})
	page := c.Get(webtest.Writer, "events/publish?eventType=c.d")
	assert.Equal(t, "c.d", page.Value("eventType"))
	assert.Contains(t, page.Value("data"), "\"big\": 1000000000000000000000000000000,\n  \"price\": 1.10,")
	assert.Contains(t, page.Text(), "a.b (deprecated)")
	assert.Contains(t, page.Text(), "<script>alert(1)</script>")
	assert.Contains(t, strings.Join(page.Exact("pre"), ""), `"price":1.10`)

	page = c.Get(webtest.Writer, "events/publish?eventType="+url.QueryEscape(webtest.Hostile))
	assert.True(t, page.Has("input", "value", webtest.Hostile))
	assert.Equal(t, "{}", page.Value("data"))
}

func TestPublishFormWithoutCatalogue(t *testing.T) {
	c := console(t)
	c.Answer(catalogue, reply(items()))
	page := c.Get(webtest.Writer, "events/publish")
	assert.Equal(t, 200, page.Status)
	assert.NotContains(t, page.Text(), "catalogue")
	assert.Equal(t, []string{webtest.Path("events/publish")}, page.Forms())
}

func TestPublishNeedsWriterWithKey(t *testing.T) {
	for _, who := range []webtest.Who{webtest.Reader, webtest.Linked, webtest.Operator} {
		c := console(t)
		assert.Equal(t, 403, c.Get(who, "events/publish").Status, who)
		assert.Equal(t, 403, c.Post(who, "events/publish", url.Values{"eventType": {"a"}, "data": {"{}"}}).Status, who)
		assert.Empty(t, c.Calls("POST"), who)
	}
	assert.Equal(t, 303, console(t).Get(webtest.WithoutSession, "events/publish").Status)
}

func TestPublishSendsForm(t *testing.T) {
	for name, test := range map[string]struct {
		form url.Values
		body string
	}{
		"least":        {url.Values{"eventType": {" a.b "}, "data": {"{}"}}, `{"eventType":"a.b","data":{}}`},
		"without data": {url.Values{"eventType": {"a.b"}, "data": {" "}}, `{"eventType":"a.b"}`},
		"all": {
			url.Values{"eventType": {"a.b"}, "data": {"{\r\n \"n\" : 1000000000000000000000000000000, \"p\": 1.10 }"}, "workflowId": {"w"}, "runId": {"r"}, "executionId": {"e"}},
			`{"eventType":"a.b","data":{"n":1000000000000000000000000000000,"p":1.10},"workflowId":"w","runId":"r","executionId":"e"}`,
		},
		"no object": {url.Values{"eventType": {"a.b"}, "data": {"[1]"}}, `{"eventType":"a.b","data":[1]}`},
	} {
		c := console(t)
		c.Answer("POST "+all, reply(object{"event": object{"id": eventID, "eventType": "a.b"}, "deliveries": []any{}}))
		test.form.Set("once", "console-1")
		page := c.Post(webtest.Writer, "events/publish", test.form)
		assert.Equal(t, webtest.Path(member), page.Location, name)
		call := c.Call("POST")
		assert.Equal(t, test.body, call.Body, name)
		assert.Equal(t, "console-1", call.Key, name)
	}
}

func TestPublishSaysHowManyDeliveries(t *testing.T) {
	for said, made := range map[string][]any{
		"It made no delivery, because no active endpoint is subscribed to a.b.": {},
		"It made 1 delivery.":   {object{"id": deliveryID}},
		"It made 2 deliveries.": {object{"id": deliveryID}, object{"id": deliveryID}},
	} {
		c := console(t)
		c.Answer("POST "+all, reply(object{"event": object{"id": eventID, "eventType": "a.b"}, "deliveries": made}))
		page := c.Post(webtest.Writer, "events/publish", url.Values{"eventType": {"a.b"}, "data": {"{}"}})
		assert.Equal(t, "The event was published. "+said, page.Flash)
		assert.Equal(t, "done", page.FlashKind)
	}
}

func TestPublishTwiceSaysSo(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all, webtest.Reply{Data: `{"event":{"id":"` + eventID + `"},"deliveries":[]}`, Replayed: true})
	page := c.Post(webtest.Writer, "events/publish", url.Values{"eventType": {"a.b"}, "data": {"{}"}})
	assert.Equal(t, webtest.Path(member), page.Location)
	assert.Equal(t, "same", page.FlashKind)
	assert.Contains(t, page.Flash, "Nothing was published again.")
}

func TestPublishRefusedRefillsForm(t *testing.T) {
	form := url.Values{
		"once": {"console-1"}, "eventType": {webtest.Hostile}, "data": {"\n{\"a\": \"</textarea><script>alert(1)</script>\"}"}, "workflowId": {`"w'`}, "runId": {"<b>"}, "executionId": {"e"},
	}
	for name, test := range map[string]struct {
		data  string
		reply webtest.Reply
		said  string
	}{
		"by the API":      {form.Get("data"), webtest.Reply{Status: 400, Reason: "invalid_event_type", Field: "eventType", Message: "eventType must be <b>"}, "eventType must be <b>"},
		"in progress":     {form.Get("data"), webtest.Reply{Status: 409, Reason: "idempotency_in_progress", Message: "in progress"}, "in progress"},
		"too many":        {form.Get("data"), webtest.Reply{Status: 429, Reason: "backlog_limit", Message: "too many wait"}, "too many wait"},
		"sent otherwise":  {form.Get("data"), webtest.Reply{Status: 400, Reason: "idempotency_key_reused", Message: "key"}, "This form was sent before, with other content."},
		"data is no JSON": {"{\n\"a\": 1,\n}<script>", webtest.Reply{}, "The data must be JSON. Line 3: invalid character '}'"},
		"data is cut off": {`{"a": `, webtest.Reply{}, "The data must be JSON. Line 1: unexpected end of JSON input."},
	} {
		c := console(t)
		c.Answer(catalogue, reply(items(object{"name": "a.b"})))
		sent := test.reply.Status
		if sent != 0 {
			c.Answer("POST "+all, test.reply)
		}
		form.Set("data", test.data)
		page := c.Post(webtest.Writer, "events/publish", form)
		assert.Equal(t, max(sent, 400), page.Status, name)
		assert.Contains(t, page.Text(), test.said, name)
		assert.Equal(t, strings.TrimSpace(test.data), page.Value("data"), name)
		assert.True(t, page.Has("input", "value", strings.TrimSpace(webtest.Hostile)), name)
		for _, field := range []string{"workflowId", "runId", "executionId"} {
			assert.Equal(t, form.Get(field), page.Value(field), name)
		}
		assert.Equal(t, test.reply.Reason != web.KeyReused, page.Value("once") == "console-1", name)
	}
}
