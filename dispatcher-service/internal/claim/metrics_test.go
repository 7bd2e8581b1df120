package claim

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

func TestMetricsCountTakesBySource(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := newMetrics(registry)
	m.count(queue.Taking{Tasks: make([]queue.Taken, 3), Fates: []queue.Fate{queue.Claimed, queue.HasTask, queue.Claimed, queue.Passed}})
	m.count(queue.Taking{Tasks: make([]queue.Taken, 4)})
	assert.Equal(t, map[string]float64{
		"redrive_tasks_taken_total backlog": 2, "redrive_tasks_taken_total queue": 5, "redrive_backlog_swept_total": 0,
	}, testmetrics.Values(t, registry))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// A late delivery is counted once, although sweeps find it until it is claimed.
func TestMetricsCountSweptOnce(t *testing.T) {
	registry := prometheus.NewRegistry()
	c := New(Options{Workers: 1, Room: anyRoom, Registry: registry})
	lane := laneOf("org_a", "ep_a", webhook.PriorityLive)
	for range 2 {
		c.reader.putFirst(lane, []string{"dlv_1", "dlv_2"}, map[string]webhook.Position{"dlv_1": {DeliveryID: "dlv_1"}, "dlv_2": {DeliveryID: "dlv_2"}})
	}
	assert.EqualValues(t, 2, testmetrics.Values(t, registry)["redrive_backlog_swept_total"])
}
