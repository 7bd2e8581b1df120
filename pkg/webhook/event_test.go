package webhook_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestBodyHasPublishedDataUnchanged(t *testing.T) {
	data := `{ "z": 12345678901234567890.10,"a":"<&>\u2028é\u0000","n":null,` + "\n\t" + `"e":1e400,"z2":[] }`
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", RunID: `<r"1>`, Data: json.RawMessage(data)}, noon.Add(1500*time.Microsecond))
	body, err := event.Body()
	require.NoError(t, err)
	assert.Equal(t, `{"id":"`+event.ID+`","type":"run.finished","timestamp":"2026-05-06T12:00:00.001500Z","organizationId":"org_a","runId":"<r\"1>","data":`+data+`}`, string(body))
	assert.True(t, json.Valid(body))
}

func TestEventSpecCheck(t *testing.T) {
	assert.NoError(t, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}.Check())
	assert.Equal(t, map[string]string{"eventType": "required", "data": "required"}, reasons(t, webhook.EventSpec{}.Check()))
	assert.Equal(t,
		map[string]string{"eventType": "invalid_event_type", "data": "invalid_type", "workflowId": "invalid_text"},
		reasons(t, webhook.EventSpec{Type: "run finished", Data: json.RawMessage(`[]`), WorkflowID: "\x1b[31m"}.Check()))
}
