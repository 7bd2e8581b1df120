package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/testservers"
)

// orphanage records the orphans that are counted, and the deliveries that are made.
type orphanage struct{ orphaned, delivered chan string }

func (o orphanage) Deliver(_ context.Context, id, _ string) (deliver.Verdict, error) {
	o.delivered <- id
	return deliver.Done(), nil
}

func (o orphanage) Drain() {}

func (o orphanage) Forget(string) {}

func (o orphanage) Orphaned(_ context.Context, id string) error {
	o.orphaned <- id
	return nil
}

// asynq recovers a task whose worker has been dead for long. Its attempt without an outcome is counted.
func TestOrphanFoundByAsynq(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Redis(t))
	id := b.enqueue()
	b.Abandon(id, time.Now().Add(-time.Minute))
	o := orphanage{orphaned: make(chan string, 1), delivered: make(chan string, 1)}
	pool := b.newPoolOf(1, o)
	require.NoError(t, pool.Start())
	defer func() { require.NoError(t, pool.Stop(t.Context())) }()
	assert.Equal(t, id, queuetest.Receive(t, o.orphaned, "the note of the orphan"))
	assert.Equal(t, id, queuetest.Receive(t, o.delivered, "the attempt made again"))
	b.WaitUntilRemoved(id)
}
