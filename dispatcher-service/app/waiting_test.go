package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/app"
	"redrive/pkg/queue"
	"redrive/pkg/signing"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// publishMany commits deliveries of one event to an endpoint and enqueues them.
func (b *bench) publishMany(count int) {
	b.t.Helper()
	secret, err := signing.NewSecret()
	require.NoError(b.t, err)
	now := webhook.Now()
	endpoint := webhook.NewEndpoint(org, "key_a", webhook.EndpointSpec{Name: "n", URL: b.receiver.URL}, webhook.Secret(secret), now)
	endpoint.MaxRetries = 5
	require.NoError(b.t, b.store.CreateEndpoint(b.t.Context(), endpoint))
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, now)
	deliveries, items := make([]webhook.Delivery, count), make([]queue.Item, count)
	for i := range deliveries {
		deliveries[i] = webhook.NewDelivery(event, endpoint, now)
		items[i] = queue.ItemOf(deliveries[i])
	}
	require.NoError(b.t, b.store.CreateEvent(b.t.Context(), event, deliveries))
	_, err = queue.NewEnqueuer(b.redis).EnqueueLane(b.t.Context(), items)
	require.NoError(b.t, err)
}

func (b *bench) depths() queue.Depths {
	b.t.Helper()
	depths, err := queue.NewEnqueuer(b.redis).Depths(b.t.Context(), webhook.QueueDeliveries)
	require.NoError(b.t, err)
	return depths
}

// Of 1,000 deliveries of one endpoint that wait for a retry, asynq has the 50 that an organization may have. After Redis was emptied it has
// none: they are due later, and dispatchers claim them then.
func TestRetriesWaitInDatabase(t *testing.T) {
	t.Parallel()
	const deliveries, laterLimit = 1000, 50
	b := newBench(t, testservers.Postgres(t), testservers.Redis(t))
	b.migrate()
	b.receiver.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	options := b.options()
	options.Concurrency, options.EndpointConcurrency, options.RetrySchedule = 50, 50, []time.Duration{time.Hour}
	service, err := app.New(options)
	require.NoError(t, err)
	require.NoError(t, service.Start(t.Context()))
	t.Cleanup(func() { stop(t, service) })
	b.publishMany(deliveries)
	require.Eventually(t, func() bool {
		waiting, err := b.store.CountWaiting(t.Context(), webhook.Now(), 2*deliveries)
		require.NoError(t, err)
		depths := b.depths()
		assert.LessOrEqual(t, depths.Scheduled+depths.Retry, int64(laterLimit))
		return waiting == store.Waiting{Retrying: deliveries} && depths.Active == 0 && depths.Pending == 0
	}, safetyLimit, 20*time.Millisecond)

	require.NoError(t, b.redis.FlushAll(t.Context()).Err())
	require.Eventually(t, func() bool { // the first rebuild was of the empty queue at the start
		_, body := get(t, service, "/metrics")
		return strings.Contains(body, "redrive_queue_rebuilds_total 2")
	}, safetyLimit, 5*time.Millisecond)
	assert.Equal(t, queue.Depths{}, b.depths())
	open, err := queue.NewLanes(b.redis).List(t.Context())
	require.NoError(t, err)
	assert.Len(t, open, 1, "their lane is in backlog")
}
