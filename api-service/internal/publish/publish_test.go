package publish_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/publish"
	"redrive/pkg/webhook"
)

// world is a store and a queue that keep the order in which they are used.
type world struct {
	endpoints []webhook.Endpoint
	broken    map[string]error
	calls     []string
	committed []webhook.Delivery
	enqueued  []webhook.Delivery
}

func (w *world) ListActiveEndpoints(_ context.Context, organizationID string) ([]webhook.Endpoint, error) {
	w.calls = append(w.calls, "list "+organizationID)
	return w.endpoints, w.broken["list"]
}

func (w *world) CreateEvent(_ context.Context, _ webhook.Event, deliveries []webhook.Delivery) error {
	w.calls = append(w.calls, "commit")
	w.committed = deliveries
	return w.broken["commit"]
}

func (w *world) Enqueue(_ context.Context, deliveries ...webhook.Delivery) {
	w.calls = append(w.calls, "enqueue")
	w.enqueued = deliveries
}

var spec = webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}

func endpoint(id string, subscriptions ...string) webhook.Endpoint {
	return webhook.Endpoint{ID: id, OrganizationID: "org_a", SubscribedEventTypes: subscriptions, Status: webhook.EndpointActive, MaxRetries: 3}
}

func TestPublishCommitsAndThenEnqueues(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all"), endpoint("ep_run", "run.*"), endpoint("ep_node", "node.*")}}
	event, deliveries, err := publish.New(w, w).Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Equal(t, []string{"list org_a", "commit", "enqueue"}, w.calls)
	require.Len(t, deliveries, 2)
	for i, id := range []string{"ep_all", "ep_run"} {
		assert.Equal(t, id, deliveries[i].EndpointID)
		assert.Equal(t, event.ID, deliveries[i].EventID)
		assert.Equal(t, webhook.StatusPending, deliveries[i].Status)
		assert.Equal(t, 3, deliveries[i].MaxRetries)
	}
	assert.Equal(t, deliveries, w.committed)
	assert.Equal(t, deliveries, w.enqueued)
}

func TestAnEventThatNobodyWantsIsKept(t *testing.T) {
	w := &world{endpoints: []webhook.Endpoint{endpoint("ep_node", "node.*")}}
	_, deliveries, err := publish.New(w, w).Publish(t.Context(), "org_a", spec)
	require.NoError(t, err)
	assert.Empty(t, deliveries)
	assert.Contains(t, w.calls, "commit")
	assert.Empty(t, w.enqueued)
}

func TestNothingIsEnqueuedThatIsNotCommitted(t *testing.T) {
	broken := errors.New("broken")
	for step, calls := range map[string][]string{"list": {"list org_a"}, "commit": {"list org_a", "commit"}} {
		w := &world{endpoints: []webhook.Endpoint{endpoint("ep_all")}, broken: map[string]error{step: broken}}
		_, _, err := publish.New(w, w).Publish(t.Context(), "org_a", spec)
		require.ErrorIs(t, err, broken)
		assert.Equal(t, calls, w.calls)
	}
	w := &world{}
	_, _, err := publish.New(w, w).Publish(t.Context(), "org_a", webhook.EventSpec{Type: "run finished", Data: spec.Data})
	assert.Equal(t, webhook.CodeInvalid, webhook.CodeOf(err))
	assert.Empty(t, w.calls, "the database is not asked about what is wrong by itself")
}
