package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// A manual retry and a replay get a task at once, in a share of their own, while the organization has more published than its share of
// the queue. Both are in the head lane, so that they go first if their share is used up too.
func TestRetryAndReplayPassBacklogOfTheirOrganization(t *testing.T) {
	client := openRedis(t, testservers.Redis(t))
	p := newPublisher(t, client)
	failed := p.failed(1)[0]
	events := strings.Repeat(anEvent+",", 199) + anEvent
	require.NoError(t, p.accepted(eventsPath+"/batch", fmt.Sprintf(`{"events":[%s]}`, events)))
	live := webhook.Lane{OrganizationID: "org_a", EndpointID: p.endpoint.ID, Priority: webhook.PriorityLive}
	lanes := queue.NewLanes(client)
	require.Eventually(t, func() bool {
		open, err := lanes.List(t.Context())
		require.NoError(t, err)
		return open[live].Added > 0
	}, safetyLimit, 10*time.Millisecond, "the organization has a backlog")

	var replayed struct{ Data struct{ ID string } }
	post(t, p.service, "/v1/execution-webhooks/deliveries/"+failed+"/replay", p.key, "", &replayed)
	post(t, p.service, retryPath(failed), p.key, "", nil)
	for name, id := range map[string]string{"retry": failed, "replay": replayed.Data.ID} {
		require.Eventually(t, func() bool {
			task, err := queuetest.Locate(t.Context(), client, webhook.QueueDeliveries, id)
			require.NoError(t, err)
			return task.State == "pending" && task.Listed
		}, safetyLimit, 10*time.Millisecond, name)
		record, err := p.store.FindDelivery(t.Context(), "org_a", id)
		require.NoError(t, err)
		assert.Equal(t, webhook.PriorityHead, record.Delivery.Priority, name)
	}
}
