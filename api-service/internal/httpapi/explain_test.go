package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/explain"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// situations returns the same situation for each delivery.
type situations struct{ queue.Situation }

func (s situations) ReadSituation(context.Context, webhook.Delivery) (queue.Situation, error) {
	return s.Situation, nil
}

// explained returns the explanation of a delivery, which has to be that of the document.
func (s *service) explained(t *testing.T, id string) map[string]any {
	t.Helper()
	a := s.call(t, "GET", deliveries+"/"+id+"/explain", s.reader, "")
	data := granted(t, a)
	var untyped any
	require.NoError(t, json.Unmarshal(a.body, &untyped))
	require.NoError(t, document(t).Components.Schemas["ExplanationResponse"].Value.VisitJSON(untyped), "%s", a.body)
	return data
}

// A delivery is explained from its creation to its end, while Redis cannot be read.
func TestExplainWithoutRedis(t *testing.T) {
	s := newService(t).withKeys(t)
	endpointID, _ := s.endpoint(t, s.writer)
	id := s.delivery(t, s.writer)
	waiting := s.explained(t, id)
	assert.Equal(t, "queue_unavailable", waiting["code"])
	assert.Equal(t, map[string]any{"state": "unknown"}, waiting["queue"])
	assert.Equal(t, map[string]any{"id": endpointID, "status": "active", "circuit": "unknown", "rateLimit": 0.0}, waiting["endpoint"])
	assert.Equal(t, 1.0, waiting["nextAttempt"].(map[string]any)["number"])
	assert.Contains(t, waiting["summary"], `endpoint "Billing" (`+endpointID+`)`)
	assert.NotContains(t, waiting, "lastAttempt")
	assert.NotContains(t, waiting, "replayOf")

	granted(t, s.call(t, "POST", deliveries+"/"+id+"/cancel", s.writer, ""))
	cancelled := s.explained(t, id)
	assert.Equal(t, "cancelled", cancelled["code"])
	assert.Equal(t, "failure", cancelled["status"])
	assert.NotContains(t, cancelled, "nextAttempt")
	assert.Len(t, cancelled["causes"], 1)

	replayed := granted(t, s.call(t, "POST", deliveries+"/"+id+"/replay", s.writer, ""))["id"].(string)
	assert.Equal(t, id, s.explained(t, replayed)["replayOf"])
	assert.Equal(t, cancelled["eventId"], s.explained(t, replayed)["eventId"])
}

func TestExplainHeldDelivery(t *testing.T) {
	opened := time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC)
	s := newService(t, func(d *Dependencies) {
		d.Explainer = explain.New(d.Deliveries.(explain.Store), situations{queue.Situation{
			Task: queue.PresenceRetry, RunsAt: time.Now().Add(time.Hour),
			Dispatchers: []queue.DispatcherView{{
				Dispatcher: queue.DispatcherState{Limit: 50, LongestHold: time.Hour},
				Endpoint: &queue.EndpointState{
					Circuit: queue.CircuitOpen, Since: opened, Until: opened.Add(time.Minute), Reason: "it did not answer", InFlight: 1, Limit: 12, Full: true,
				},
			}},
		}}, slog.New(slog.DiscardHandler))
	}).withKeys(t)
	s.endpoint(t, s.writer)
	held := s.explained(t, s.delivery(t, s.writer))
	assert.Equal(t, "held_circuit", held["code"])
	assert.Equal(t, "2026-11-20T16:00:00.000000Z", held["since"])
	causes := held["causes"].([]any)
	require.Len(t, causes, 2)
	assert.Equal(t, "2026-11-20T16:01:00.000000Z", causes[0].(map[string]any)["until"])
	assert.Equal(t, "held_concurrency", causes[1].(map[string]any)["code"])
	endpoint := held["endpoint"].(map[string]any)
	assert.Equal(t, []any{"open", 1.0, 12.0}, []any{endpoint["circuit"], endpoint["inFlight"], endpoint["inFlightLimit"]})
}
