package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const batchPath = base + "/events/batch"

// Each event of a batch is checked like a single event, and has its result at its index.
func TestBatchEventsIndependent(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	events := []struct{ raw, reason, field string }{
		{`{"eventType":"run.finished","data":{"n":1.50,"big":12345678901234567890}}`, "", ""},
		{`{"eventType":"run finished","data":{}}`, "invalid_event_type", "eventType"},
		{`{"eventType":"a"}`, "required", "data"},
		{`{"eventType":"a","data":[]}`, "invalid_type", "data"},
		{`{"eventType":"a","data":{},"typo":1}`, "unknown_field", "typo"},
		{`{"eventType":"a","data":{"x":1,"x":2}}`, "duplicate_field", "data.x"},
		{`{"eventType":"a","data":{},"runId":null}`, "null_not_allowed", "runId"},
		{`{"eventType":7,"data":{}}`, "invalid_type", "eventType"},
		{`{"eventType":"a","data":{"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`, "too_deep", ""},
		{"{\"eventType\":\"a\",\"data\":{\"x\":\"\xff\"}}", "malformed_json", ""},
		{`{"eventType":"a","data":{"x":"` + strings.Repeat("x", maxBody) + `"}}`, "event_too_large", ""},
		{`[]`, "invalid_type", ""},
		{`"text"`, "invalid_type", ""},
		{`null`, "invalid_type", ""},
		{`{"eventType":"node.done","data":{},"runId":"r"}`, "", ""},
	}
	raw := make([]string, len(events))
	for i, e := range events {
		raw[i] = e.raw
	}
	a := s.call(t, "POST", batchPath, s.writer, `{"events":[`+strings.Join(raw, ",")+`]}`)
	assert.Contains(t, string(a.body), `{"n":1.50,"big":12345678901234567890}`, "digit for digit")
	results := granted(t, a)["results"].([]any)
	require.Len(t, results, len(events))
	for i, e := range events {
		result := results[i].(map[string]any)
		if e.reason == "" {
			assert.NotContains(t, result, "error")
			made := result["deliveries"].([]any)
			require.Len(t, made, 1)
			delivery := made[0].(map[string]any)
			assert.Equal(t, endpointID, delivery["endpointId"])
			shown := granted(t, s.call(t, "GET", deliveries+"/"+delivery["id"].(string), s.reader, ""))
			assert.Equal(t, result["event"].(map[string]any)["eventType"], shown["eventType"])
			continue
		}
		refusal := result["error"].(map[string]any)
		assert.Equal(t, e.reason, refusal["reason"], "event %d: %v", i, refusal)
		if e.field != "" {
			assert.Equal(t, e.field, refusal["field"], "event %d", i)
		}
		assert.NotEmpty(t, refusal["message"])
		assert.NotContains(t, result, "event")
	}
	page := granted(t, s.call(t, "GET", deliveries, s.reader, ""))
	assert.Len(t, page["items"], 2, "nothing of what was refused was kept")
}

// An event without a subscription is published and has no deliveries.
func TestBatchWithoutEndpointsPublishes(t *testing.T) {
	s := newService(t).withKeys(t)
	result := granted(t, s.call(t, "POST", batchPath, s.writer, `{"events":[`+publishBody+`]}`))["results"].([]any)[0].(map[string]any)
	assert.Empty(t, result["deliveries"])
	assert.Contains(t, result, "deliveries")
}

func TestBatchInvalidRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for body, reason := range map[string]string{
		``:                "empty_body",
		`[]`:              "invalid_type",
		`{}`:              "required",
		`{"events":[]}`:   "out_of_range",
		`{"events":{}}`:   "invalid_type",
		`{"events":null}`: "invalid_type",
		`{"events":[` + publishBody + strings.Repeat(","+publishBody, maxBatchEvents) + `]}`: "out_of_range",
		`{"events":[{}],"x":1}`:                     "unknown_field",
		`{"Events":[{}]}`:                           "unknown_field",
		`{"events":[{}],"events":[{}]}`:             "duplicate_field",
		`{"events":[{}]} {}`:                        "trailing_data",
		`{"events":[{}]`:                            "malformed_json",
		`{"events":[{]}`:                            "malformed_json",
		`{"events":[{},]}`:                          "malformed_json",
		`{"events":[` + strings.Repeat("[", 20_000): "malformed_json",
		"{\"events\":[{}],\"\x00\":1}":              "malformed_json",
	} {
		refused(t, s.call(t, "POST", batchPath, s.writer, body), 400, reason)
	}
	refused(t, s.call(t, "POST", batchPath, s.writer, `{"events":[`+publishBody+`]}`+strings.Repeat(" ", maxBatchBody)), 413, "body_too_large")
	page := granted(t, s.call(t, "GET", deliveries, s.reader, ""))
	assert.Empty(t, page["items"])
}

func TestBatchLarge(t *testing.T) {
	s := newService(t).withKeys(t)
	s.endpoint(t, s.writer)
	events := make([]string, maxBatchEvents)
	for i := range events {
		events[i] = fmt.Sprintf(`{"eventType":"run.finished","data":{"number":%d,"text":%q}}`, i, strings.Repeat("x", 4_000))
	}
	results := granted(t, s.call(t, "POST", batchPath, s.writer, `{"events":[`+strings.Join(events, ",")+`]}`))["results"].([]any)
	require.Len(t, results, maxBatchEvents)
	for i, result := range results {
		data := result.(map[string]any)["event"].(map[string]any)["data"].(map[string]any)
		require.EqualValues(t, i, data["number"])
	}
}
