package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// bulkWork makes the steps of jobs, as a dispatcher does.
func (s *service) bulkWork(t *testing.T) {
	t.Helper()
	for {
		leased, err := s.store.LeaseBulkJob(t.Context(), time.Minute)
		require.NoError(t, err)
		if leased == nil {
			return
		}
		_, err = s.store.StepBulkJob(t.Context(), leased)
		require.NoError(t, err)
	}
}

func TestBulkJobMalformedNamesField(t *testing.T) {
	s := newService(t).withKeys(t)
	body := func(filter string) string { return `{"action": "retry", "filter": {` + filter + `}}` }
	deliver := func(fields string) string { return `{"action": "deliver", "filter": {"eventType": "a"}` + fields + `}` }
	for sent, want := range map[string][2]string{
		`{}`: {"invalid_action", "action"},
		`{"action": "resend", "filter": {"status": "failure"}}`: {"invalid_action", "action"},
		`{"action": "retry"}`:       {"required", "filter"},
		body(``):                    {"required", "filter"},
		body(`"limit": "1"`):        {"unknown_filter", "filter"},
		body(`"offset": "1"`):       {"unknown_filter", "filter"},
		body(`"cursor": "1"`):       {"unknown_filter", "filter"},
		body(`"bodies": "false"`):   {"unknown_filter", "filter"},
		body(`"Status": "failure"`): {"unknown_filter", "filter"},
		body(`"status": "done"`):    {"invalid_status", "filter.status"},
		body(`"status": ""`):        {"invalid_status", "filter.status"},
		body(`"status": "` + strings.Repeat("failure,", 1000) + `failure"`):   {"too_long", "filter.status"},
		body(`"responseStatus": "5x"`):                                        {"invalid_response_status", "filter.responseStatus"},
		body(`"bulkJobId": "dlv_x"`):                                          {"invalid_id", "filter.bulkJobId"},
		body(`"endpointId": "x"`):                                             {"invalid_id", "filter.endpointId"},
		body(`"from": "yesterday"`):                                           {"invalid_time", "filter.from"},
		body(`"runId": "\u0000"`):                                             {"invalid_text", "filter.runId"},
		body(`"status": 1`):                                                   {"invalid_type", "filter.status"},
		body(`"status": "failure", "status": "failure"`):                      {"duplicate_field", "filter.status"},
		`{"action": "retry", "filter": {"runId": "r"}, "perSecond": -1}`:      {"out_of_range", "perSecond"},
		`{"action": "retry", "filter": {"runId": "r"}, "perSecond": 5001}`:    {"out_of_range", "perSecond"},
		`{"action": "retry", "filter": {"runId": "r"}, "maxDeliveries": 0}`:   {"out_of_range", "maxDeliveries"},
		`{"action": "retry", "filter": {"runId": "r"}, "maxDeliveries": -5}`:  {"out_of_range", "maxDeliveries"},
		`{"action": "retry", "filter": {"runId": "r"}, "endpointId": "ep_x"}`: {"unexpected_field", "endpointId"},
		`{"action": "retry", "filter": {"runId": "r"}, "endpointId": ""}`:     {"unexpected_field", "endpointId"},
		`{"action": "retry", "filter": {"runId": "r"}, "nonsense": 1}`:        {"unknown_field", "nonsense"},
		deliver(``):                    {"required", "endpointId"},
		deliver(`, "endpointId": ""`):  {"required", "endpointId"},
		deliver(`, "endpointId": "x"`): {"invalid_id", "endpointId"},
		`{"action": "deliver", "filter": {"status": "failure"}, "endpointId": "x"}`: {"unknown_filter", "filter"},
	} {
		for _, path := range []string{jobs, jobs + "/plan"} {
			f := refused(t, s.call(t, "POST", path, s.writer, sent), 400, want[0])
			assert.Equal(t, want[1], f.Details[0].Field, "%.100s", sent)
		}
	}
	refused(t, s.call(t, "POST", jobs, s.writer, deliver(`, "endpointId": "`+deliverTo+`"`)), 404, "endpoint_not_found")
	assert.Empty(t, granted(t, s.call(t, "GET", jobs, s.reader, ""))["items"])
}

func TestBulkJobFromPlanToOutcome(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	var ids []any
	for range 3 {
		id := s.delivery(t, s.writer)
		s.fail(t, id)
		ids = append(ids, id)
	}
	body := fmt.Sprintf(`{"action": "retry", "filter": {"endpointId": %q}, "perSecond": 0}`, endpointID)
	plan := granted(t, s.call(t, "POST", jobs+"/plan", s.reader, body))
	assert.EqualValues(t, 3, plan["total"])
	assert.Equal(t, true, plan["exact"])
	assert.ElementsMatch(t, ids, plan["sample"])
	assert.Contains(t, plan, "oldest")
	assert.Empty(t, granted(t, s.call(t, "GET", jobs, s.reader, ""))["items"], "a plan stores nothing")
	refused(t, s.call(t, "POST", jobs, s.reader, body), 403, "read_only_key")

	first := s.withKey(t, "k", "POST", jobs, body)
	created := granted(t, first)
	assert.Equal(t, "running", created["status"])
	assert.Contains(t, created["createdBy"], "key_")
	assert.Equal(t, map[string]any{"endpointId": endpointID}, created["filter"])
	assert.Equal(t, map[string]any{}, created["skipped"])
	for _, absent := range []string{"total", "outcome", "startedAt", "finishedAt", "maxDeliveries", "endpointId"} {
		assert.NotContains(t, created, absent)
	}
	path := jobs + "/" + created["id"].(string)
	s.bulkWork(t)
	job := granted(t, s.call(t, "GET", path, s.reader, ""))
	assert.Equal(t, "completed", job["status"])
	assert.EqualValues(t, 3, job["total"])
	assert.EqualValues(t, 3, job["processed"])
	assert.EqualValues(t, 3, job["applied"])
	assert.Equal(t, map[string]any{}, job["skipped"])
	assert.EqualValues(t, 3, job["outcome"].(map[string]any)["waiting"])

	again := s.withKey(t, "k", "POST", jobs, body)
	assert.True(t, isReplayed(t, again))
	assert.Equal(t, job, granted(t, again), "the job as it is now")
	refused(t, s.withKey(t, "k", "POST", jobs, strings.ReplaceAll(body, "0}", "1}")), 400, "idempotency_key_reused")
	assert.Len(t, granted(t, s.call(t, "GET", jobs, s.reader, ""))["items"], 1)

	list := granted(t, s.call(t, "GET", deliveries+"?status=pending&bulkJobId="+job["id"].(string), s.reader, ""))["items"].([]any)
	require.Len(t, list, 3)
	explained := granted(t, s.call(t, "GET", deliveries+"/"+list[0].(map[string]any)["id"].(string)+"/explain", s.reader, ""))
	assert.Equal(t, job["id"], explained["bulkJobId"])
	refused(t, s.call(t, "POST", path+"/cancel", s.writer, ""), 400, "job_finished")
}

func TestBulkJobOfOtherOrganizationNotFound(t *testing.T) {
	s := newService(t).withKeys(t)
	other := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})
	path := jobs + "/" + granted(t, s.call(t, "POST", jobs, s.writer, bulkBody))["id"].(string)
	refused(t, s.call(t, "GET", path, other, ""), 404, "bulk_job_not_found")
	refused(t, s.call(t, "POST", path+"/cancel", other, ""), 404, "bulk_job_not_found")
	assert.Empty(t, granted(t, s.call(t, "GET", jobs, other, ""))["items"])
	refused(t, s.call(t, "POST", path+"/cancel", s.writer, `{"a": 1}`), 400, "unknown_field")
	assert.Equal(t, "cancelled", granted(t, s.call(t, "POST", path+"/cancel", s.writer, ""))["status"])
}

func TestBulkJobsListByCursor(t *testing.T) {
	s := newService(t).withKeys(t)
	for range webhook.MaxBulkJobs {
		granted(t, s.call(t, "POST", jobs, s.writer, bulkBody))
	}
	refused(t, s.call(t, "POST", jobs, s.writer, bulkBody), 400, "too_many_jobs")
	seen := map[any]bool{}
	query := "?limit=3"
	for {
		page := granted(t, s.call(t, "GET", jobs+query, s.reader, ""))
		assert.NotContains(t, page, "offset")
		for _, item := range page["items"].([]any) {
			seen[item.(map[string]any)["id"]] = true
		}
		if page["hasMore"] != true {
			break
		}
		query = "?limit=3&cursor=" + page["nextCursor"].(string)
	}
	assert.Len(t, seen, webhook.MaxBulkJobs)
	refused(t, s.call(t, "GET", jobs+"?offset=1", s.reader, ""), 400, "unknown_parameter")
	refused(t, s.call(t, "GET", jobs+"/plan", s.reader, ""), 405, "method_not_allowed")
	refused(t, s.call(t, "DELETE", jobs, s.writer, ""), 405, "method_not_allowed")
}
