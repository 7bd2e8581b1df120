package model_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// process is a dispatcher. Its workers stop where they send, until the test says how the receiver answered.
type process struct {
	deliverer *deliver.Deliverer
	store     *mortal
	sending   chan *sending
}

// sending is a worker at the moment at which the receiver has its request.
type sending struct {
	dispatch webhook.Dispatch
	answer   chan webhook.Result
}

// worker is one run of a task.
type worker struct {
	*sending
	process *process
	ended   chan ended
}

type ended struct {
	verdict deliver.Verdict
	err     error
}

// Every retry is an hour away, so that it is the test's clock that decides what is due.
const (
	retryDelay = time.Hour
	retryAfter = 90 * time.Minute
)

func newProcess(store deliver.Store) *process {
	p := &process{store: &mortal{Store: store}, sending: make(chan *sending)}
	policy := webhook.Policy{Schedule: []time.Duration{retryDelay}, Random: func() float64 { return 0.5 }}
	gate := bulkhead.New(bulkhead.Options{Workers: 1000, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	p.deliverer = deliver.New(p.store, p, gate, policy, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return p
}

func (p *process) Send(_ context.Context, d webhook.Dispatch) webhook.Result {
	s := &sending{dispatch: d, answer: make(chan webhook.Result)}
	p.sending <- s
	return <-s.answer
}

// mortal is a database that a process which has died can write nothing to any more.
type mortal struct {
	deliver.Store
	dead atomic.Bool
}

func (m *mortal) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	if m.dead.Load() {
		return webhook.Delivery{}, webhook.NotFound("process", "which has died") // the one error that is not tried again
	}
	return m.Store.RecordOutcome(ctx, o)
}

// unfenced is a store that has forgotten what the revision is for.
type unfenced struct {
	deliver.Store
}

func (u unfenced) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	current, err := u.LoadDispatch(ctx, o.Delivery.ID)
	if err != nil {
		return webhook.Delivery{}, err
	}
	o.Delivery.Revision = current.Delivery.Revision + 1
	return u.Store.RecordOutcome(ctx, o)
}
