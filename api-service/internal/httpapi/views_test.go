package httpapi

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// shown returns the JSON of a view after a check against the document.
func shown(t *testing.T, schema string, view any) map[string]any {
	t.Helper()
	text, err := json.Marshal(view)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	require.NoError(t, document(t).Components.Schemas[schema].Value.VisitJSON(fields), "%s", text)
	return fields
}

func TestViewDeliveryHasLastAttempt(t *testing.T) {
	now := webhook.Now()
	endpoint := webhook.Endpoint{ID: webhook.NewID(webhook.KindEndpoint, now), OrganizationID: organization, MaxRetries: 5}
	event := webhook.NewEvent(organization, webhook.EventSpec{Type: "run.finished", RunID: "r", Data: json.RawMessage(`{"n":12345678901234567890,"null":null}`)}, now)
	record := webhook.Record{Delivery: webhook.NewDelivery(event, endpoint, now), Event: event}

	view, err := viewDelivery(record)
	require.NoError(t, err)
	fields := shown(t, "Delivery", view)
	for _, field := range []string{"requestHeaders", "responseStatus", "responseHeaders", "responseBody", "durationMs", "errorMessage", "workflowId", "executionId"} {
		assert.NotContains(t, fields, field, "there was no attempt yet")
	}
	assert.Contains(t, string(view.RequestBody), `"n":12345678901234567890`)

	record.LastAttempt = &webhook.Attempt{
		RequestHeaders: map[string]string{"webhook-id": record.Delivery.ID}, ResponseStatus: 500, ResponseHeaders: map[string]string{"X": "\xff"},
		ResponseBody: []byte("a\x00\xffb"), ErrorMessage: "the receiver answered 500 Internal Server Error",
	}
	record.Delivery.Status, record.Delivery.NextRetryAt = webhook.StatusFailure, time.Time{}
	view, err = viewDelivery(record)
	require.NoError(t, err)
	fields = shown(t, "Delivery", view)
	assert.Equal(t, "a\x00\ufffdb", fields["responseBody"])
	assert.EqualValues(t, 0, fields["durationMs"], "less than a millisecond is a duration too")
	assert.Equal(t, record.LastAttempt.ErrorMessage, fields["errorMessage"])
	assert.NotContains(t, fields, "nextRetryAt")

	record.Delivery.FailureReason = webhook.FailureEndpointDisabled
	view, err = viewDelivery(record)
	require.NoError(t, err)
	assert.Regexp(t, "^endpoint_disabled: ", view.ErrorMessage)
}

func TestViewAttemptWithoutAnswer(t *testing.T) {
	now := webhook.Now()
	attempt := webhook.Attempt{
		ID: webhook.NewID(webhook.KindAttempt, now), DeliveryID: webhook.NewID(webhook.KindDelivery, now), Number: 1, StartedAt: now,
		Outcome: webhook.AttemptFailure, ErrorMessage: "the receiver did not answer",
	}
	view, err := viewAttempt(attempt)
	require.NoError(t, err)
	fields := shown(t, "Attempt", view)
	assert.NotContains(t, fields, "responseStatus")
	assert.NotContains(t, fields, "nextRetryAt")
	assert.Equal(t, false, fields["responseBodyTruncated"])
}

func TestViewEndpointHasNoSecrets(t *testing.T) {
	now := webhook.Now()
	endpoint := webhook.NewEndpoint(organization, "key_1", webhook.EndpointSpec{Name: "a", URL: "https://example.com/"}, "whsec_canary", now)
	view, err := viewEndpoint(endpoint)
	require.NoError(t, err)
	fields := shown(t, "Endpoint", view)
	assert.Equal(t, []any{}, fields["subscribedEventTypes"])
	assert.NotContains(t, fields, "disabledAt")
	text, err := json.Marshal(view)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "canary")
}
