package events_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/webtest"
)

// exact is data with numbers that a decoder would change, markup and letters beyond ASCII.
const exact = `{"big":1000000000000000000000000000000,"price":1.10,"e":1E+2,"html":"<script>alert(1)</script>\"\\","é":[],"o":{},"n":[1,[2.50]]}`

func TestEventShowsDataDeliveriesAndEndpointsWithout(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, fanOut(exact,
		[]any{object{"id": deliveryID, "endpointId": active, "status": "retrying", "replayOf": "dlv_00000000000000000000000009"}},
		[]any{
			object{"endpointId": active, "reason": "not_subscribed"},
			object{"endpointId": disabled, "reason": "disabled"},
			object{"endpointId": deleted, "reason": "deleted"},
			object{"endpointId": active, "reason": "created_later"},
			object{"endpointId": active, "reason": "unknown"},
			object{"endpointId": active, "reason": "of a later version"},
		}))
	page := c.Get(webtest.Writer, member)
	assert.Equal(t, 200, page.Status)
	assert.Contains(t, page.Exact("pre"), "{\n  \"big\": 1000000000000000000000000000000,\n  \"price\": 1.10,\n  \"e\": 1E+2,\n"+
		"  \"html\": \"<script>alert(1)</script>\\\"\\\\\",\n  \"é\": [],\n  \"o\": {},\n  \"n\": [\n    1,\n    [\n      2.50\n    ]\n  ]\n}")
	for _, text := range []string{
		"Event run.completed", "wf <script>", "↻ Retrying", "It was not subscribed to the event type when", "It was disabled when", "It was deleted before",
		"It was created after", "The reason is not known", "of a later version", "Enable it first", "Billing <script>", deleted,
	} {
		assert.Contains(t, page.Text(), text)
	}
	assert.True(t, page.Has("a", "href", webtest.Path("deliveries/"+deliveryID)))
	assert.True(t, page.Has("a", "href", webtest.Path("deliveries/dlv_00000000000000000000000009")))
	assert.True(t, page.Has("a", "href", webtest.Path("endpoints/"+disabled)))
	assert.False(t, page.Has("a", "href", webtest.Path("endpoints/"+deleted)), "it has no page")
	assert.True(t, page.Has("button", "data-copy", eventID))
	assert.Len(t, page.Forms(), 4, "one for each entry of the active endpoint")
	assert.Equal(t, active, page.Value("endpointId"))
	assert.True(t, strings.HasPrefix(page.Value("once"), "console-"))
	commands := strings.Join(page.Exact("pre"), "\n")
	assert.Contains(t, commands, "curl -X GET 'http://example.com"+one+"' -H \"Authorization: Bearer $KEY\"")
	assert.Contains(t, commands, `"price":1.10`)
	assert.Contains(t, commands, "curl -X POST 'http://example.com"+one+"/deliver'")
}

func TestEventReaderSeesNoAction(t *testing.T) {
	for _, who := range []webtest.Who{webtest.Reader, webtest.Operator} {
		c := console(t)
		c.Answer("GET "+one, fanOut(`{}`, []any{}, []any{object{"endpointId": active, "reason": "not_subscribed"}}))
		page := c.Get(who, member)
		assert.Equal(t, 200, page.Status)
		assert.Empty(t, page.Forms(), who)
		assert.Equal(t, 403, c.Post(who, member+"/deliver", url.Values{"endpointId": {active}}).Status, who)
		assert.Empty(t, c.Calls("POST"), who)
	}
}

func TestEventLargeDataShowsBeginning(t *testing.T) {
	c := console(t)
	large := `{"a":"` + strings.Repeat("x", 70<<10) + `"}`
	c.Answer("GET "+one, fanOut(large, []any{}, []any{}))
	page := c.Get(webtest.Reader, member)
	shown := page.Exact("pre")[0]
	assert.Len(t, shown, 64<<10)
	assert.Contains(t, page.Text(), "71,688 bytes, shown with line breaks. Only the beginning is shown. Download")
	assert.NotContains(t, page.Text(), "Publish the same again", "the data is too long for a command")
}

func TestEventDeepDataStaysSmall(t *testing.T) {
	c := console(t)
	nested := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	c.Answer("GET "+one, fanOut(`{"a":[`+strings.Repeat(nested+",", 49)+nested+`]}`, []any{}, []any{}))
	page := c.Get(webtest.Reader, member)
	assert.Equal(t, 200, page.Status)
	assert.Less(t, len(page.Body), 1<<20)
}

func TestEventControlCharactersAreHex(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, fanOut("{\"a\":\"\x7f\"}", []any{}, []any{}))
	page := c.Get(webtest.Reader, member)
	assert.Contains(t, page.Text(), "It is shown as hex.")
	assert.Contains(t, page.Exact("pre")[0], "7f")
}

func TestEventDownloadGivesExactBytes(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, fanOut(exact, []any{}, []any{}))
	page := c.Get(webtest.Reader, member+"/data")
	assert.Equal(t, exact, page.Body)
	assert.Equal(t, "attachment; filename="+eventID+"-data.json", page.Header.Get("Content-Disposition"))
	assert.Equal(t, "application/octet-stream", page.Header.Get("Content-Type"))
	assert.Equal(t, "nosniff", page.Header.Get("X-Content-Type-Options"))
}

func TestEventUnknownIsNotFound(t *testing.T) {
	c := console(t)
	for _, id := range []string{"evt_1", "dlv_00000000000000000000000001", "..%2F..%2Fapi-keys", webtest.Hostile} {
		for _, page := range []string{"events/" + url.PathEscape(id), "events/" + url.PathEscape(id) + "/data"} {
			assert.Equal(t, 404, c.Get(webtest.Writer, page).Status, page)
		}
		assert.Equal(t, 404, c.Post(webtest.Writer, "events/"+url.PathEscape(id)+"/deliver", nil).Status, id)
	}
	assert.Empty(t, c.Calls("GET"), "the API is not asked for what is no ID")
	c.Answer("GET "+one, webtest.Reply{Status: 404, Reason: "not_found", Message: "no such event"})
	assert.Contains(t, c.Get(webtest.Writer, member).Text(), "There is no such event")
}

func TestDeliver(t *testing.T) {
	form := url.Values{"once": {"console-1"}, "endpointId": {active}}
	delivery := reply(object{"id": deliveryID})
	again := delivery
	again.Replayed = true
	for name, test := range map[string]struct {
		reply           webtest.Reply
		location, flash string
		kind            string
	}{
		"new":     {delivery, "deliveries/" + deliveryID, "This is the new delivery of the event.", "done"},
		"again":   {again, "deliveries/" + deliveryID, "Nothing was sent again.", "same"},
		"refused": {webtest.Reply{Status: 400, Reason: "endpoint_disabled", Message: "enable " + webtest.Hostile}, member, "Enable <script>", "failed"},
	} {
		c := console(t)
		c.Answer("POST "+one+"/deliver", test.reply)
		page := c.Post(webtest.Linked, member+"/deliver", form)
		assert.Equal(t, 303, page.Status, name)
		assert.Equal(t, webtest.Path(test.location), page.Location, name)
		assert.Contains(t, page.Flash, test.flash, name)
		assert.Equal(t, test.kind, page.FlashKind, name)
		call := c.Call("POST")
		assert.JSONEq(t, `{"endpointId":"`+active+`"}`, call.Body)
		assert.Equal(t, "console-1", call.Key)
	}
}

func TestDeliverUnavailableShowsProblem(t *testing.T) {
	c := console(t)
	c.Answer("POST "+one+"/deliver", webtest.Reply{Status: 503, Reason: "unavailable", Message: "try again"})
	assert.Equal(t, 503, c.Post(webtest.Writer, member+"/deliver", url.Values{"endpointId": {active}}).Status)
}
