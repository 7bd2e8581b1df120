package bulkjobs_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/webtest"
)

func TestNewFormHasWhatAddressHas(t *testing.T) {
	fields := url.Values{
		"action": {"replay"}, "endpointId": {gone}, "eventId": {webtest.Hostile}, "status": {"odd <b>"}, "failureReason": {"gone"}, "errorCode": {"tls"}, "responseStatus": {"<i>"},
		"bulkJobId": {"'\""}, "eventType": {"</form>"}, "workflowId": {"w"}, "runId": {"r"}, "executionId": {"e"}, "from": {"x"}, "to": {"y"}, "maxDeliveries": {"<"}, "perSecond": {">"},
	}
	page := console(t).Get(webtest.Writer, "bulk-jobs/new?"+fields.Encode())
	assert.Equal(t, 200, page.Status)
	for name := range fields {
		assert.Equal(t, strings.TrimSpace(fields.Get(name)), page.Value(name), name)
	}
	assert.Equal(t, "1", page.Value("plan"))
	assert.Contains(t, page.Text(), "Event: <script>")
	assert.Empty(t, page.Forms(), "the form changes nothing")

	page = console(t).Get(webtest.Writer, "bulk-jobs/new?action=deliver&endpointId="+gone)
	assert.Equal(t, gone, page.Value("endpointId"))
	assert.Equal(t, "200", page.Value("perSecond"))
}

func TestPlanAsksWithNumberAndOrganization(t *testing.T) {
	const retry = "status=failure&eventType=%3Cb%3E&maxDeliveries=20000&perSecond=0&plan=1"
	deliver := "action=deliver&eventType=a.b&plan=1&endpointId=" + endpointID
	for name, test := range map[string]struct {
		query      string
		plan       object
		verb, said string
		sample     string
	}{
		"exact":     {retry, object{"total": 12345, "exact": true, "sample": []string{deliveryID}}, "Retry 12,345 deliveries of Acme", "as fast as fairness", "deliveries/" + deliveryID},
		"one":       {retry, object{"total": 1, "exact": true}, "Retry 1 delivery of Acme", "20000, the oldest first", ""},
		"not exact": {retry, object{"total": 2000000, "exact": false}, "Retry at least 2,000,000 deliveries of Acme", "Newest that was counted", ""},
		"cancel":    {"status=pending&plan=1", object{"total": 2, "exact": true}, "Cancel 2 deliveries of Acme", "at most 200 per second", ""},
		"deliver": {
			deliver,
			object{"total": 2, "exact": true, "sample": []string{eventID}},
			"Deliver 2 events of Acme to Billing " + webtest.Hostile, "Sends events to one endpoint",
			"events/" + eventID,
		},
	} {
		c := console(t)
		test.plan["oldest"], test.plan["newest"] = "2026-01-02T03:04:05Z", "2026-01-03T03:04:05Z"
		c.Answer("POST "+all+"/plan", reply(test.plan))
		page := c.Get(webtest.Writer, "bulk-jobs/new?"+test.query)
		assert.Equal(t, 200, page.Status, name)
		assert.Contains(t, page.Exact("h1"), test.verb+"?", name)
		assert.Contains(t, page.Exact("button"), test.verb, name)
		for _, text := range []string{test.said, "2026-01-02 03:04:05 UTC", "2026-01-03 03:04:05 UTC", "Acme acme"} {
			assert.Contains(t, page.Text(), text, name)
		}
		if test.sample != "" {
			assert.True(t, page.Has("a", "href", webtest.Path(test.sample)), name)
		}
		assert.Equal(t, []string{webtest.Path("bulk-jobs")}, page.Forms(), name)
		assert.True(t, strings.HasPrefix(page.Value("once"), "console-"), name)
		query, _ := url.ParseQuery(test.query)
		for field := range query {
			if field != "plan" {
				assert.Equal(t, query.Get(field), page.Value(field), name+" "+field)
			}
		}
		assert.Contains(t, strings.Join(page.Exact("pre"), ""), "curl -X POST 'http://example.com"+all+"' ", name)
	}
}

func TestPlanOfNothingMakesNoJob(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all+"/plan", reply(object{"total": 0, "exact": true, "sample": []string{}}))
	page := c.Get(webtest.Writer, "bulk-jobs/new?status=failure&plan=1")
	assert.Contains(t, page.Text(), "Nothing matches")
	assert.Empty(t, page.Forms())
}

func TestPlanRefusedShowsForm(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all+"/plan", webtest.Reply{Status: 400, Reason: "invalid_time", Field: "filter.from", Message: "filter.from must be <b>"})
	page := c.Get(webtest.Writer, "bulk-jobs/new?action=cancel&from=yesterday&perSecond=9&plan=1")
	assert.Equal(t, 400, page.Status)
	assert.Contains(t, page.Text(), "filter.from must be <b>")
	assert.Equal(t, []string{"yesterday", "9", "cancel"}, []string{page.Value("from"), page.Value("perSecond"), page.Value("action")})
}

func TestPlanUnavailableShowsProblem(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all+"/plan", webtest.Reply{Status: 503, Reason: "unavailable", Message: "try again"})
	assert.Equal(t, 503, c.Get(webtest.Writer, "bulk-jobs/new?status=failure&plan=1").Status)
}

func TestCreate(t *testing.T) {
	form := url.Values{"once": {"console-1"}, "confirmed": {"true"}, "action": {"retry"}, "status": {"failure"}, "eventType": {"a.b"}, "maxDeliveries": {"5"}, "perSecond": {"0"}}
	for name, test := range map[string]struct {
		repeated    bool
		kind, flash string
	}{
		"first": {false, "done", "The bulk job has begun."},
		"again": {true, "same", "No other one was made."},
	} {
		c := console(t)
		c.Answer("POST "+all, webtest.Reply{Data: webtest.JSON(running(nil)), Replayed: test.repeated})
		page := c.Post(webtest.Linked, "bulk-jobs", form)
		assert.Equal(t, webtest.Path("bulk-jobs/"+jobID), page.Location, name)
		assert.Equal(t, test.kind, page.FlashKind, name)
		assert.Contains(t, page.Flash, test.flash, name)
		call := c.Call("POST")
		assert.Equal(t, `{"action":"retry","filter":{"eventType":"a.b","status":"failure"},"maxDeliveries":5,"perSecond":0}`, call.Body)
		assert.Equal(t, "console-1", call.Key)
	}
}

func TestCreateRefusedShowsForm(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all, webtest.Reply{Status: 400, Reason: "too_many_jobs", Message: "10 unfinished bulk jobs"})
	page := c.Post(webtest.Writer, "bulk-jobs", url.Values{"action": {"replay"}, "runId": {webtest.Hostile}, "perSecond": {"3"}})
	assert.Equal(t, 400, page.Status)
	assert.Contains(t, page.Text(), "10 unfinished bulk jobs")
	assert.Equal(t, []string{webtest.Hostile, "3", "replay"}, []string{page.Value("runId"), page.Value("perSecond"), page.Value("action")})
}

// The form would lead to a second job, so the page asks to send the same confirmation again.
func TestCreateInProgressShowsProblem(t *testing.T) {
	c := console(t)
	c.Answer("POST "+all, webtest.Reply{Status: 409, Reason: "idempotency_in_progress", Message: "send the same request again"})
	page := c.Post(webtest.Writer, "bulk-jobs", url.Values{"once": {"console-1"}, "action": {"retry"}, "status": {"failure"}})
	assert.Equal(t, 409, page.Status)
	assert.Contains(t, page.Text(), "Send the same request again.")
	assert.False(t, page.Has("input", "name", "action"))
}

func TestReaderMakesAndCancelsNoJob(t *testing.T) {
	for _, who := range []webtest.Who{webtest.Reader, webtest.Operator} {
		c := console(t)
		assert.Equal(t, 403, c.Get(who, "bulk-jobs/new?status=failure&plan=1").Status, who)
		assert.Equal(t, 403, c.Post(who, "bulk-jobs", url.Values{"status": {"failure"}}).Status, who)
		assert.Equal(t, 403, c.Get(who, "bulk-jobs/"+jobID+"/cancel").Status, who)
		assert.Equal(t, 403, c.Post(who, "bulk-jobs/"+jobID+"/cancel", nil).Status, who)
		assert.Empty(t, c.Calls("POST"), who)
		assert.Empty(t, c.Calls("GET"), who)
	}
}
