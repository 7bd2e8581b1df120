package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// orphanage takes down which orphans it is told of, and which deliveries are made.
type orphanage struct{ orphaned, delivered chan string }

func (o orphanage) Deliver(_ context.Context, id, _ string) (deliver.Verdict, error) {
	o.delivered <- id
	return deliver.Done(), nil
}

func (o orphanage) Drain() {}

func (o orphanage) Orphaned(_ context.Context, id string) error {
	o.orphaned <- id
	return nil
}

// A task whose worker has been gone for long is asynq's to recover. That its attempt has no outcome is not forgotten over it.
func TestOrphanFoundByAsynq(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	id := b.enqueue()
	b.takeAndDie(id, time.Now().Add(-time.Minute))
	o := orphanage{orphaned: make(chan string, 1), delivered: make(chan string, 1)}
	pool := worker.New(b.redis, o, worker.Options{Concurrency: 1, ShutdownTimeout: soon, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, pool.Start())
	defer func() { require.NoError(t, pool.Stop(t.Context())) }()
	assert.Equal(t, id, signal(t, o.orphaned, "the note of the orphan"))
	assert.Equal(t, id, signal(t, o.delivered, "the attempt made again"))
	b.removed(id)
}

// takeAndDie leaves behind what a worker does that takes a task and dies with a lease until then.
func (b bench) takeAndDie(id string, lease time.Time) {
	b.t.Helper()
	const prefix = "asynq:{" + webhook.QueueDeliveries + "}:"
	ctx := b.t.Context()
	require.NoError(b.t, b.redis.RPopLPush(ctx, prefix+"pending", prefix+"active").Err())
	require.NoError(b.t, b.redis.HSet(ctx, prefix+"t:"+id, "state", "active").Err())
	require.NoError(b.t, b.redis.ZAdd(ctx, prefix+"lease", redis.Z{Score: float64(lease.Unix()), Member: id}).Err())
	b.inState(id, asynq.TaskStateActive)
}
