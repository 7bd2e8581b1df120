package endpoints

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/resource"
)

func TestReadableChanges(t *testing.T) {
	for name, c := range map[string]struct {
		kind, before, after string
		what                string
		fields              []changedField
	}{
		"created": {
			"created", `{}`, `{"maxRetries": 5, "name": "Billing", "subscribedEventTypes": []}`, "Created",
			[]changedField{{Label: "Name", After: "Billing"}, {Label: "Event types", After: "all"}, {Label: "Max retries", After: "5"}},
		},
		"edited": {
			"updated", `{"retrySchedule": [60, 300], "subscribedEventTypes": ["a", "b.*"]}`, `{"subscribedEventTypes": ["c"]}`, "Edited",
			[]changedField{{Label: "Event types", Before: "a, b.*", After: "c"}, {Label: "Retry schedule", Before: "60, 300"}},
		},
		"header value": {
			"updated", `{"headers": {"X-A": "****"}}`, `{"headers": {"X-A": "****"}}`, "Edited",
			[]changedField{{Label: "Headers", Before: "X-A: ****", After: "X-A: ****", Hidden: true}},
		},
		"header added": {
			"updated", `{"headers": {"X-B": "****"}}`, `{"headers": {"X-B": "****", "X-A": "****"}}`, "Edited",
			[]changedField{{Label: "Headers", Before: "X-B: ****", After: "X-A: ****, X-B: ****"}},
		},
		"secret": {
			"secret_regenerated", `{"signingSecret": "****"}`, `{"signingSecret": "****"}`, "Secret rotated",
			[]changedField{{Label: "Signing secret", Before: "****", After: "****", Hidden: true}},
		},
		"disabled": {
			"disabled", `{"status": "active"}`, `{"status": "disabled", "disabledAt": "2026-11-28T01:02:03.456Z", "disabledReason": "gone"}`, "Disabled",
			[]changedField{
				{Label: "Status", Before: "active", After: "disabled"}, {Label: "Disabled at", After: "2026-11-28 01:02:03 UTC"}, {Label: "Disabled because", After: "gone"},
			},
		},
		"of a later version": {
			"renamed", `{"new": {"b": 1, "a": [1.10]}}`, `{"new": 10000000000000000000001}`, "renamed",
			[]changedField{{Label: "new", Before: "a: 1.10, b: 1", After: "10000000000000000000001"}},
		},
		"nothing": {"updated", `{}`, `{}`, "Edited", nil},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := readable([]resource.Change{{Change: c.kind, By: "key_1", Before: json.RawMessage(c.before), After: json.RawMessage(c.after)}})
			require.NoError(t, err)
			assert.Equal(t, []change{{What: c.what, By: "key_1", Fields: c.fields}}, made)
		})
	}
}

func TestReadableRefusesDamagedChange(t *testing.T) {
	_, err := readable([]resource.Change{{EndpointID: endpointID, Before: json.RawMessage(`[`), After: json.RawMessage(`{}`)}})
	assert.ErrorContains(t, err, endpointID)
}
