package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

const runBody = `{"eventType": "run.failed", "workflowId": "wf 1", "runId": "run/ä", "executionId": "e1", "data": {"n": 1}}`

func TestSearchFilterMalformedNamesField(t *testing.T) {
	s := newService(t).withKeys(t)
	for query, want := range map[string][2]string{
		"status=":                                {"invalid_status", "status"},
		"status=done":                            {"invalid_status", "status"},
		"status=pending,":                        {"invalid_status", "status"},
		"failureReason=other":                    {"invalid_failure_reason", "failureReason"},
		"failureReason=":                         {"invalid_failure_reason", "failureReason"},
		"errorCode=tcp":                          {"invalid_error_code", "errorCode"},
		"responseStatus=5x":                      {"invalid_response_status", "responseStatus"},
		"responseStatus=0":                       {"invalid_response_status", "responseStatus"},
		"responseStatus=99999":                   {"invalid_response_status", "responseStatus"},
		"eventId=dlv_x":                          {"invalid_id", "eventId"},
		"endpointId=":                            {"invalid_id", "endpointId"},
		"eventType=a..b":                         {"invalid_event_type", "eventType"},
		"eventType=":                             {"invalid_event_type", "eventType"},
		"runId=":                                 {"required", "runId"},
		"runId=%00":                              {"invalid_text", "runId"},
		"executionId=%ff":                        {"invalid_text", "executionId"},
		"workflowId=" + strings.Repeat("x", 129): {"too_long", "workflowId"},
		"from=yesterday":                         {"invalid_time", "from"},
		"to=2026":                                {"invalid_time", "to"},
		"status=failure&offset=10001":            {"out_of_range", "offset"},
	} {
		f := refused(t, s.call(t, "GET", deliveries+"?"+query, s.reader, ""), 400, want[0])
		assert.Equal(t, want[1], f.Details[0].Field, query)
	}
	granted(t, s.call(t, "GET", deliveries+"?offset=10001", s.reader, ""))
	refused(t, s.call(t, "GET", base+"/events?offset=1", s.reader, ""), 400, "unknown_parameter")
}

// TestSearchFromRunToDelivery goes from the ID of a run to its delivery and its event.
func TestSearchFromRunToDelivery(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	published := granted(t, s.call(t, "POST", base+"/events", s.writer, runBody))
	s.delivery(t, s.writer)
	eventID := published["event"].(map[string]any)["id"].(string)
	otherKey := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})

	for _, query := range []string{
		"runId=" + url.QueryEscape("run/ä"), "workflowId=wf+1", "executionId=e1", "eventType=run.failed", "eventId=" + eventID,
		"runId=" + url.QueryEscape("run/ä") + "&status=pending,retrying&endpointId=" + endpointID,
	} {
		found := granted(t, s.call(t, "GET", deliveries+"?"+query, s.reader, ""))["items"].([]any)
		require.Len(t, found, 1, query)
		assert.Equal(t, eventID, found[0].(map[string]any)["requestBody"].(map[string]any)["id"], query)
		assert.Empty(t, granted(t, s.call(t, "GET", deliveries+"?"+query, otherKey, ""))["items"], query)
	}
	assert.Empty(t, granted(t, s.call(t, "GET", deliveries+"?runId=run", s.reader, ""))["items"])

	list := granted(t, s.call(t, "GET", base+"/events?eventType=run.failed&limit=1", s.reader, ""))
	assert.NotContains(t, list, "offset")
	assert.Equal(t, published["event"], list["items"].([]any)[0])
	list = granted(t, s.call(t, "GET", base+"/events?bodies=false&limit=1", s.reader, ""))
	assert.NotContains(t, list["items"].([]any)[0], "data")
	assert.Equal(t, true, list["hasMore"])
	next := granted(t, s.call(t, "GET", base+"/events?limit=1&cursor="+list["nextCursor"].(string), s.reader, ""))
	assert.Equal(t, eventID, next["items"].([]any)[0].(map[string]any)["id"])
	assert.Empty(t, granted(t, s.call(t, "GET", base+"/events?eventType=run.failed", otherKey, ""))["items"])

	event := granted(t, s.call(t, "GET", base+"/events/"+eventID, s.reader, ""))
	require.Len(t, event["deliveries"], 1)
	assert.Equal(t, "pending", event["deliveries"].([]any)[0].(map[string]any)["status"])
	assert.Equal(t, []any{}, event["withoutDelivery"])
}

// TestDeliverToEndpointThatMissedEvent sends an event to an endpoint that was created after it.
func TestDeliverToEndpointThatMissedEvent(t *testing.T) {
	s := newService(t).withKeys(t)
	published := granted(t, s.call(t, "POST", base+"/events", s.writer, runBody))
	path := base + "/events/" + published["event"].(map[string]any)["id"].(string)
	endpointID, _ := s.endpoint(t, s.writer)
	event := granted(t, s.call(t, "GET", path, s.reader, ""))
	assert.Equal(t, []any{map[string]any{"endpointId": endpointID, "reason": "created_later"}}, event["withoutDelivery"])
	assert.Equal(t, []any{}, event["deliveries"])

	body := fmt.Sprintf(`{"endpointId": %q}`, endpointID)
	first := s.call(t, "POST", path+"/deliver", s.writer, body, header("Idempotency-Key", "k"))
	again := s.call(t, "POST", path+"/deliver", s.writer, body, header("Idempotency-Key", "k"))
	assert.Equal(t, granted(t, first), granted(t, again))
	assert.Equal(t, "true", again.header.Get("Idempotency-Replayed"))
	assert.Equal(t, "pending", granted(t, first)["status"])
	event = granted(t, s.call(t, "GET", path, s.reader, ""))
	assert.Len(t, event["deliveries"], 1)
	assert.Equal(t, []any{}, event["withoutDelivery"])

	granted(t, s.call(t, "POST", base+"/"+endpointID+"/disable", s.writer, ""))
	refused(t, s.call(t, "POST", path+"/deliver", s.writer, body), 400, "endpoint_disabled")
	for sent, reason := range map[string]string{`{}`: "required", `{"endpointId": ""}`: "required", `{"endpointId": "x"}`: "invalid_id", `{"endpointId": 1}`: "invalid_type"} {
		refused(t, s.call(t, "POST", path+"/deliver", s.writer, sent), 400, reason)
	}
	refused(t, s.call(t, "POST", path+"/deliver", s.writer, deliverBody), 404, "endpoint_not_found")
}

// TestCancelThenRetry cancels a waiting delivery, once, and retries it.
func TestCancelThenRetry(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	path := deliveries + "/" + s.delivery(t, s.writer)
	cancelled := granted(t, s.call(t, "POST", path+"/cancel", s.writer, ""))
	assert.Equal(t, "failure", cancelled["status"])
	assert.Contains(t, cancelled["errorMessage"], "cancelled: ")
	refused(t, s.call(t, "POST", path+"/cancel", s.writer, ""), 400, "delivery_not_waiting")
	found := granted(t, s.call(t, "GET", deliveries+"?failureReason=cancelled", s.reader, ""))["items"].([]any)
	assert.Len(t, found, 1)
	assert.Equal(t, "pending", granted(t, s.call(t, "POST", path+"/retry", s.writer, ""))["status"])
}

func TestLookupFindsOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	platform := s.platformKey(t)
	own := s.resources(t)
	for kind, id := range own {
		found := granted(t, s.call(t, "GET", "/v1/lookup?id="+id, platform, ""))["items"].([]any)
		require.Len(t, found, 1, kind)
		assert.Equal(t, organization, found[0].(map[string]any)["organizationId"], kind)
		assert.Equal(t, id, found[0].(map[string]any)["id"], kind)
		refused(t, s.call(t, "GET", "/v1/lookup?id="+id, s.writer, ""), 403, "platform_key_required")
	}
	for _, id := range missingResources() {
		assert.Equal(t, []any{}, granted(t, s.call(t, "GET", "/v1/lookup?id="+id, platform, ""))["items"])
	}
	refused(t, s.call(t, "GET", "/v1/lookup", platform, ""), 400, "required")
	refused(t, s.call(t, "GET", "/v1/lookup?id=%00", platform, ""), 400, "invalid_id")
	refused(t, s.call(t, "GET", "/v1/lookup?id="+strings.Repeat("x", 1000), platform, ""), 400, "invalid_id")
}
