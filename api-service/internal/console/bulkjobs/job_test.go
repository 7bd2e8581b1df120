package bulkjobs_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/webtest"
)

func TestListShowsJobs(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, reply(object{"items": []any{
		running(nil), running(object{"id": "job_00000000000000000000000002", "action": "deliver", "status": "completed", "processed": 12345}),
		running(object{"id": "job_00000000000000000000000003", "total": nil, "action": "of <b>"}),
	}, "hasMore": true, "nextCursor": "c+1"}))
	page := c.Get(webtest.Writer, "bulk-jobs?cursor=c0")
	assert.Equal(t, url.Values{"limit": {"50"}, "cursor": {"c0"}}, c.Call("GET").Query)
	for _, text := range []string{
		"● Running", "✓ Completed", "1,200 of 12,345 deliveries", "12,345 of 12,345 events", "1,200 deliveries so far, being counted", "of <b>", "Status: failure, Event type: <script>",
	} {
		assert.Contains(t, page.Text(), text)
	}
	assert.Contains(t, page.Exact("td"), webtest.Hostile, "who made it")
	assert.True(t, page.Has("a", "href", webtest.Path("bulk-jobs?cursor=c%2B1")))
	assert.True(t, page.Has("a", "href", webtest.Path("bulk-jobs/new")))
	assert.True(t, page.Has("progress", "value", "12345"))
	assert.False(t, c.Get(webtest.Reader, "bulk-jobs").Has("a", "href", webtest.Path("bulk-jobs/new")))
}

func TestListEmpty(t *testing.T) {
	c := console(t)
	c.Answer("GET "+all, reply(object{"items": []any{}, "hasMore": false}))
	assert.Contains(t, c.Get(webtest.Reader, "bulk-jobs").Text(), "There is no bulk job.")
}

func TestJobShowsProgressAndOutcome(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, reply(running(object{"filter": object{"status": "failure", "endpointId": endpointID, "eventType": webtest.Hostile}, "maxDeliveries": 20000})))
	page := c.Get(webtest.Writer, "bulk-jobs/"+jobID)
	for _, text := range []string{
		"Bulk job: Retry ● Running", "1,200 of 12,345 deliveries", "Applied 1,000", "Remaining 11,145", "cancelled", "It was cancelled before", "150", "of a later version", "Success 700",
		"Failure 1,001", "Waiting 99", "2026-01-02 03:05:00 UTC", "Endpoint: Billing <script>", "At most 20,000, the oldest first", "at most 200 per second", "Created by <script>",
	} {
		assert.Contains(t, page.Text(), text)
	}
	link := func(list string, query url.Values) bool {
		return page.Has("a", "href", webtest.Path(list+"?"+query.Encode()))
	}
	assert.True(t, link("deliveries", url.Values{"eventType": {webtest.Hostile}}), "a chip")
	assert.True(t, link("deliveries", url.Values{"status": {"failure"}, "endpointId": {endpointID}, "eventType": {webtest.Hostile}}), "all that matches")
	assert.True(t, link("deliveries", url.Values{"bulkJobId": {jobID}}))
	assert.True(t, page.Has("a", "href", webtest.Path("deliveries?bulkJobId="+jobID+"&status=failure")))
	assert.True(t, page.Has("a", "href", webtest.Path("bulk-jobs/"+jobID+"/cancel")))
	assert.True(t, page.Has("progress", "max", "12345"))
	assert.Contains(t, strings.Join(page.Exact("pre"), "\n"), "curl -X POST 'http://example.com"+one+"/cancel'")
}

func TestJobOfOtherStates(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, reply(running(object{"total": nil, "outcome": nil, "skipped": object{}})))
	page := c.Get(webtest.Reader, "bulk-jobs/"+jobID)
	assert.Contains(t, page.Text(), "1,200 deliveries so far, being counted")
	assert.Contains(t, page.Text(), "Not counted yet.")
	assert.False(t, page.Has("a", "href", webtest.Path("bulk-jobs/"+jobID+"/cancel")), "a reader cancels nothing")

	c.Answer("GET "+one, reply(running(object{"action": "deliver", "filter": object{"runId": "r"}, "endpointId": endpointID, "status": "cancelled", "finishedAt": "2026-01-02T04:00:00Z"})))
	page = c.Get(webtest.Writer, "bulk-jobs/"+jobID)
	assert.Contains(t, page.Text(), "– Cancelled")
	assert.Contains(t, page.Text(), "12,345 events")
	assert.True(t, page.Has("a", "href", webtest.Path("events?runId=r")))
	assert.True(t, page.Has("a", "href", webtest.Path("endpoints/"+endpointID)))
	assert.False(t, page.Has("a", "href", webtest.Path("bulk-jobs/"+jobID+"/cancel")), "it has ended")

	c.Answer("GET "+one, reply(running(object{"total": 0, "processed": 0, "status": "completed"})))
	assert.Contains(t, c.Get(webtest.Writer, "bulk-jobs/"+jobID).Text(), "0 of 0 deliveries")
}

func TestJobUnknownIsNotFound(t *testing.T) {
	c := console(t)
	for _, id := range []string{"job_1", eventID, url.PathEscape(webtest.Hostile)} {
		assert.Equal(t, 404, c.Get(webtest.Writer, "bulk-jobs/"+id).Status, id)
		assert.Equal(t, 404, c.Get(webtest.Writer, "bulk-jobs/"+id+"/cancel").Status, id)
		assert.Equal(t, 404, c.Post(webtest.Writer, "bulk-jobs/"+id+"/cancel", nil).Status, id)
	}
	assert.Empty(t, c.Calls("GET"))
	assert.Empty(t, c.Calls("POST"))
	c.Answer("GET "+one, webtest.Reply{Status: 404, Reason: "not_found", Message: "no such job"})
	assert.Contains(t, c.Get(webtest.Writer, "bulk-jobs/"+jobID).Text(), "There is no such bulk job")
}

func TestCancelAsksWithWhatRemains(t *testing.T) {
	c := console(t)
	c.Answer("GET "+one, reply(running(nil)))
	page := c.Get(webtest.Writer, "bulk-jobs/"+jobID+"/cancel")
	assert.Contains(t, page.Text(), "11,145 deliveries of Acme remain")
	assert.Contains(t, page.Text(), jobID)
	assert.Equal(t, []string{webtest.Path("bulk-jobs/" + jobID + "/cancel")}, page.Forms())

	c.Answer("GET "+one, reply(running(object{"total": nil})))
	assert.Contains(t, c.Get(webtest.Writer, "bulk-jobs/"+jobID+"/cancel").Text(), "It is not counted yet how many remain.")

	c.Answer("GET "+one, reply(running(object{"status": "completed"})))
	page = c.Get(webtest.Writer, "bulk-jobs/"+jobID+"/cancel")
	assert.Equal(t, webtest.Path("bulk-jobs/"+jobID), page.Location)
	assert.Equal(t, "same", page.FlashKind)
}

func TestCancel(t *testing.T) {
	for name, test := range map[string]struct {
		reply       webtest.Reply
		kind, flash string
	}{
		"running":  {reply(running(object{"status": "cancelled"})), "done", "The bulk job was cancelled."},
		"finished": {webtest.Reply{Status: 400, Reason: "job_finished", Message: "the bulk job has finished"}, "same", "The bulk job had ended before. Nothing was changed."},
		"refused":  {webtest.Reply{Status: 404, Reason: "not_found", Message: "no such <b>"}, "failed", "No such <b>"},
	} {
		c := console(t)
		c.Answer("POST "+one+"/cancel", test.reply)
		page := c.Post(webtest.Writer, "bulk-jobs/"+jobID+"/cancel", url.Values{"confirmed": {"true"}})
		assert.Equal(t, webtest.Path("bulk-jobs/"+jobID), page.Location, name)
		assert.Equal(t, test.kind, page.FlashKind, name)
		assert.Contains(t, page.Flash, test.flash, name)
		assert.Empty(t, c.Call("POST").Body)
	}
	c := console(t)
	c.Answer("POST "+one+"/cancel", webtest.Reply{Status: 503, Reason: "unavailable", Message: "try again"})
	assert.Equal(t, 503, c.Post(webtest.Writer, "bulk-jobs/"+jobID+"/cancel", nil).Status)
}
