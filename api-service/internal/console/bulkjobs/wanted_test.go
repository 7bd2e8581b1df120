package bulkjobs_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/webtest"
)

func TestNewBeginsWithFittingAction(t *testing.T) {
	for query, action := range map[string]string{
		"":                                     "retry",
		"status=failure":                       "retry",
		"status=success":                       "retry",
		"status=pending":                       "cancel",
		"status=retrying":                      "cancel",
		"status=pending,retrying":              "cancel",
		"status=pending,failure":               "retry",
		"status=pending&action=replay":         "replay",
		"action=deliver":                       "deliver",
		"action=" + url.QueryEscape("<b>"):     "retry",
		"action=unknown&status=pending":        "cancel",
		"errorCode=timeout&endpointId=" + gone: "retry",
	} {
		page := console(t).Get(webtest.Writer, "bulk-jobs/new?"+query)
		assert.Equal(t, action, page.Value("action"), query)
	}
}

func TestPlanSendsForm(t *testing.T) {
	for name, test := range map[string]struct {
		form url.Values
		body string
	}{
		"from the list of deliveries": {
			url.Values{"status": {"failure"}, "errorCode": {" timeout "}, "cursor": {"c"}, "limit": {"50"}},
			`{"action":"retry","filter":{"errorCode":"timeout","status":"failure"},"perSecond":200}`,
		},
		"all filters of deliveries": {
			url.Values{
				"action": {"replay"}, "endpointId": {endpointID}, "eventId": {eventID}, "status": {"success"}, "failureReason": {"gone"}, "errorCode": {"tls"},
				"responseStatus": {"5xx"}, "bulkJobId": {jobID}, "eventType": {"a.b"}, "workflowId": {"w"}, "runId": {"r"}, "executionId": {"e"},
				"from": {"2026-01-01T00:00:00Z"}, "to": {"2026-02-01T00:00:00Z"}, "maxDeliveries": {"1000"}, "perSecond": {"0"},
			},
			`{"action":"replay","filter":{"bulkJobId":"` + jobID + `","endpointId":"` + endpointID + `","errorCode":"tls","eventId":"` + eventID + `","eventType":"a.b","executionId":"e",` +
				`"failureReason":"gone","from":"2026-01-01T00:00:00Z","responseStatus":"5xx","runId":"r","status":"success","to":"2026-02-01T00:00:00Z","workflowId":"w"},` +
				`"maxDeliveries":1000,"perSecond":0}`,
		},
		"an endpoint is where events go": {
			url.Values{"action": {"deliver"}, "endpointId": {endpointID}, "from": {"2026-01-01T00:00:00Z"}, "status": {"failure"}, "eventId": {eventID}},
			`{"action":"deliver","filter":{"from":"2026-01-01T00:00:00Z"},"endpointId":"` + endpointID + `","perSecond":200}`,
		},
		"no filter":       {url.Values{"action": {"cancel"}, "perSecond": {""}}, `{"action":"cancel","filter":{}}`},
		"no whole number": {url.Values{"status": {"failure"}, "maxDeliveries": {"many"}, "perSecond": {"1.5"}}, `{"action":"retry","filter":{"status":"failure"},"maxDeliveries":"many","perSecond":"1.5"}`},
		"0 deliveries":    {url.Values{"status": {"failure"}, "maxDeliveries": {"0"}}, `{"action":"retry","filter":{"status":"failure"},"maxDeliveries":0,"perSecond":200}`},
	} {
		c := console(t)
		c.Answer("POST "+all+"/plan", reply(object{"total": 3, "exact": true, "sample": []string{}}))
		test.form.Set("plan", "1")
		c.Get(webtest.Writer, "bulk-jobs/new?"+test.form.Encode())
		call := c.Call("POST")
		assert.Equal(t, test.body, call.Body, name)
		assert.Empty(t, call.Key, "a plan changes nothing")
	}
}

func TestNewKeepsFormBetweenActions(t *testing.T) {
	page := console(t).Get(webtest.Writer, "bulk-jobs/new?action=cancel&status=pending&endpointId="+endpointID+"&runId=r&maxDeliveries=5&perSecond=7")
	path := func(query url.Values) string { return webtest.Path("bulk-jobs/new?" + query.Encode()) }
	kept := url.Values{"status": {"pending"}, "endpointId": {endpointID}, "runId": {"r"}, "maxDeliveries": {"5"}, "perSecond": {"7"}}
	for _, action := range []string{"retry", "replay", "cancel", "deliver"} {
		kept.Set("action", action)
		assert.True(t, page.Has("a", "href", path(kept)), action)
	}
	kept.Set("action", "cancel")
	kept.Del("runId")
	assert.True(t, page.Has("a", "href", path(kept)), "the chip of the run leads to the form without it")

	page = console(t).Get(webtest.Writer, "bulk-jobs/new?action=deliver&status=pending&endpointId="+endpointID+"&runId=r")
	assert.Equal(t, []string{endpointID, "r", ""}, []string{page.Value("endpointId"), page.Value("runId"), page.Value("status")})
}
