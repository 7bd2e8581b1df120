package deliver

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/groupcommit"
	"redrive/pkg/observe"
	"redrive/pkg/webhook"
)

// BatchStore is the database, many deliveries at a time: store.Store.
type BatchStore interface {
	Ping(ctx context.Context) error
	LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error)
	RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error)
	FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error)
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	CountOrphan(ctx context.Context, id string) (webhook.Delivery, error)
}

// Batched is a Store whose loads and outcomes share statements with those of other workers: what comes while one statement is on
// its way is in the next one.
type Batched struct {
	BatchStore
	loads    *groupcommit.Group[string, webhook.Dispatch]
	outcomes *groupcommit.Group[webhook.Outcome, webhook.Delivery]
}

// Batch makes a Batched store and registers its metrics.
func Batch(store BatchStore, registry prometheus.Registerer) *Batched {
	sizes := observe.BatchSizes(registry, "load", "record")
	return &Batched{
		BatchStore: store,
		loads:      groupcommit.New(store.LoadDispatches, batching(sizes[0])),
		outcomes:   groupcommit.New(store.RecordOutcomes, batching(sizes[1])),
	}
}

// linger is short beside an attempt, and makes a queue that is being drained cost a statement for some 25 deliveries rather than
// for 3: the time of a processor that is saved drains it twice as fast.
const linger = 5 * time.Millisecond

// batching has one statement of a kind at a time, for two would be half as large each.
func batching(observe func(int)) groupcommit.Options {
	return groupcommit.Options{Timeout: databaseTimeout, Writers: 1, Linger: linger, Observe: observe}
}

// LoadDispatch returns all that an attempt of the delivery needs. A statement has its own deadline, and nobody waits for more
// than two of them.
func (b *Batched) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	return b.loads.Do(context.WithoutCancel(ctx), id)
}

// RecordOutcome returns once the outcome is committed.
func (b *Batched) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	return b.outcomes.Do(context.WithoutCancel(ctx), o)
}
