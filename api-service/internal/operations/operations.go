package operations

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Store reads what concerns all organizations. store.Store implements it.
type Store interface {
	// ListLoads returns the organizations with the most waiting deliveries, and whether there are others.
	ListLoads(ctx context.Context, now time.Time, limit int) (loads []webhook.OrganizationLoad, more bool, err error)
	// ListFailingEndpoints returns failing endpoints, then those that were disabled for it since a time. Limit is for each.
	ListFailingEndpoints(ctx context.Context, disabledSince time.Time, limit int) (failing []webhook.FailingEndpoint, more bool, err error)
	// ListRunningJobs returns running bulk jobs, the latest first.
	ListRunningJobs(ctx context.Context, limit int) (jobs []webhook.BulkJob, more bool, err error)
	Names
}

// Names finds names. IDs that are not found are missing in the result.
type Names interface {
	FindEndpointNames(ctx context.Context, ids []string) (map[string]webhook.EndpointName, error)
	FindOrganizationNames(ctx context.Context, ids []string) (map[string]string, error)
}

// MinuteReader reads attempts by minute: queue.MinuteCounter.
type MinuteReader interface {
	ReadMinutes(ctx context.Context, now time.Time) (queue.Minutes, error)
}

// SummaryReader reads what dispatchers report about themselves: queue.SummaryReader.
type SummaryReader interface {
	ReadSummaries(ctx context.Context) ([]queue.NamedSummary, error)
}

// Options of Operations.
type Options struct {
	// Checks are the probes of /readyz. Operations adds one for the dispatchers.
	Checks []observe.Check
}

const (
	// fresh is how long a reading is used, from its start.
	fresh = 4 * time.Second
	// partTimeout bounds each check and each read of an overview.
	partTimeout = 2 * time.Second
)

// Operations reads overviews. It is safe for concurrent use.
type Operations struct {
	store     Store
	minutes   MinuteReader
	summaries SummaryReader
	options   Options

	ctx     context.Context //nolint:containedctx // it ends readings at Close, and not with the request that began one
	cancel  context.CancelFunc
	running sync.WaitGroup
	mutex   sync.Mutex
	last    *reading
}

// reading is an overview, or one that is being read.
type reading struct {
	began    time.Time
	done     chan struct{} // closed when overview is complete
	overview Overview
}

// New makes an Operations. Call Close before the store and Redis are closed.
func New(store Store, minutes MinuteReader, summaries SummaryReader, o Options) *Operations {
	ctx, cancel := context.WithCancel(context.Background())
	return &Operations{store: store, minutes: minutes, summaries: summaries, options: o, ctx: ctx, cancel: cancel}
}

// Overview returns what an operator sees. It is read at most once in 4 s: callers share a reading that is in progress or began less than 4 s
// ago. The end of a caller's context ends its wait and not the reading. Overview fails only with the error of ctx. It takes up to 4 s: 2 s for all parts together, and 2 s for names.
func (o *Operations) Overview(ctx context.Context) (Overview, error) {
	r := o.current()
	select {
	case <-r.done:
		return r.overview, nil
	case <-ctx.Done():
		return Overview{}, ctx.Err()
	}
}

// Close ends readings in progress and waits for them. Later overviews show nothing but errors.
func (o *Operations) Close() {
	o.cancel()
	o.running.Wait()
}

// current returns the last reading, or begins another one if it is too old.
func (o *Operations) current() *reading {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if now := time.Now(); o.last == nil || now.Sub(o.last.began) >= fresh {
		r := &reading{began: now, done: make(chan struct{})}
		o.last = r
		o.running.Go(func() {
			defer close(r.done)
			r.overview = o.read(o.ctx)
		})
	}
	return o.last
}
