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

func TestEventSpecCheckReservedType(t *testing.T) {
	for eventType, want := range map[string][2]bool{ // publish, test
		"redrive.test": {false, true}, "redrive.endpoint.disabled": {false, false}, "redrive": {true, true}, "redriven.x": {true, true},
	} {
		spec := webhook.EventSpec{Type: eventType, Data: json.RawMessage(`{}`)}
		assert.Equal(t, want, [2]bool{spec.Check() == nil, spec.CheckTest() == nil}, eventType)
	}
	spec := webhook.EventSpec{Type: "redrive.endpoint.failing", Data: json.RawMessage(`{}`)}
	assert.Equal(t, map[string]string{"eventType": "reserved_event_type"}, reasons(t, spec.Check()))
}
