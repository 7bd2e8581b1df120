package deliver

import (
	"context"
	"log/slog"
	"time"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

// Options of a Deliverer.
type Options struct {
	// Store is the database. Required.
	Store Store
	// Sender makes attempts. Required.
	Sender Sender
	// Gate limits the attempts of each endpoint. Required.
	Gate *bulkhead.Bulkheads
	// Policy decides what follows an attempt. Defaults to webhook's own.
	Policy webhook.Policy
	// Progress follows deliveries. Defaults to nothing.
	Progress Progress
	// Counter counts the attempts that were recorded and not superseded, without those of tests. Defaults to nothing.
	Counter Counter
	// Log defaults to slog.Default.
	Log *slog.Logger
	// DatabaseTimeout bounds each statement. A database that accepts connections and does not respond would otherwise block a
	// worker and its task. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// RefusalLimit is how long recording is retried while the database responds and refuses the outcome. The attempt is an
	// orphan after that. Giving up at once would send the webhook again every few seconds. Defaults to 30 s.
	RefusalLimit time.Duration
	// EndpointAge is how old the row of the endpoint may be when an attempt starts. Defaults to webhook.EndpointFresh.
	EndpointAge time.Duration
	// Memory bounds the large bodies in flight. Defaults to a budget of memory.Default bytes.
	Memory *memory.Budget
	// MemoryWaiters is how many deliveries may block their workers while they wait for memory. Others are snoozed. Defaults to 25.
	MemoryWaiters int
	// Loaded runs after each load, before anything is decided. An error ends the run. It is for tests that order events.
	Loaded func(ctx context.Context, loaded webhook.Dispatch) error
}

// Progress follows a delivery through this process: claim.Claimer.
type Progress interface {
	// Pause: the delivery waits, for its bulkhead or its receiver, and costs this process nothing.
	Pause(deliveryID string)
	// Entered: its endpoint's bulkhead has admitted or refused it.
	Entered(deliveryID string)
	// Resume ends Pause.
	Resume(deliveryID string)
}

// Counter counts attempts by result: minutes.Counter. It must return at once.
type Counter interface {
	Count(attempt webhook.Attempt)
}

type noCounter struct{}

func (noCounter) Count(webhook.Attempt) {}

type noProgress struct{}

func (noProgress) Pause(string)   {}
func (noProgress) Entered(string) {}
func (noProgress) Resume(string)  {}

const (
	defaultDatabaseTimeout = 5 * time.Second
	defaultRefusalLimit    = 30 * time.Second
	defaultMemoryWaiters   = 25
)

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	if o.Counter == nil {
		o.Counter = noCounter{}
	}
	if o.DatabaseTimeout == 0 {
		o.DatabaseTimeout = defaultDatabaseTimeout
	}
	if o.RefusalLimit == 0 {
		o.RefusalLimit = defaultRefusalLimit
	}
	if o.EndpointAge == 0 {
		o.EndpointAge = webhook.EndpointFresh
	}
	if o.Memory == nil {
		o.Memory = memory.New(0)
	}
	if o.MemoryWaiters == 0 {
		o.MemoryWaiters = defaultMemoryWaiters
	}
	return o
}
