package model_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// process is a dispatcher. Its workers stop behind their load and where they send, until the test has them go on.
type process struct {
	deliverer *deliver.Deliverer
	database  *deliver.Batched
	skew      time.Duration // of its clock
	dead      atomic.Bool
	// loading and recording are who is about to do so together. A statement with nothing to do, the plug, waits for all of them, so
	// that they are in the one behind it.
	loading, recording sync.WaitGroup
	plugged            chan struct{}
}

// worker is one run of a task.
type worker struct {
	id      string
	process *process
	loaded  chan webhook.Dispatch
	send    chan struct{} // closed to have it go on with what it has loaded
	sent    chan webhook.Dispatch
	answer  chan webhook.Result
	ended   chan ended

	known   *expected // what the model knew when it loaded
	sending bool
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

func newProcess(store deliver.BatchStore, skew time.Duration) *process {
	p := &process{skew: skew, plugged: make(chan struct{})}
	registry, log := prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	policy := webhook.Policy{Schedule: []time.Duration{retryDelay}, Random: func() float64 { return 0.5 }}
	gate := bulkhead.New(bulkhead.Options{Workers: 1000, Log: log}, prometheus.NewRegistry())
	p.database = deliver.Batch(plugged{store, p}, registry)
	p.deliverer = deliver.New(stepped{p.database, p}, p, gate, policy, log, registry)
	return p
}

const plug = "plug"

// loadTogether has that many loads share a statement.
func (p *process) loadTogether(ctx context.Context, count int) {
	p.loading.Add(count)
	if count > 1 {
		go func() { _, _ = p.database.LoadDispatch(ctx, plug) }()
		<-p.plugged
	}
}

// recordTogether is the same for outcomes.
func (p *process) recordTogether(ctx context.Context, count int) {
	p.recording.Add(count)
	if count > 1 {
		go func() { _, _ = p.database.RecordOutcome(ctx, webhook.Outcome{Attempt: webhook.Attempt{ID: plug}}) }()
		<-p.plugged
	}
}

type workerKey struct{}

// begin has a worker take the task.
func (p *process) begin(ctx context.Context, id string) *worker {
	w := &worker{
		id: id, process: p, loaded: make(chan webhook.Dispatch, 1), send: make(chan struct{}), sent: make(chan webhook.Dispatch, 1),
		answer: make(chan webhook.Result), ended: make(chan ended, 1),
	}
	go func() {
		verdict, err := p.deliverer.Deliver(context.WithValue(ctx, workerKey{}, w), id, webhook.QueueDeliveries)
		w.ended <- ended{verdict, err}
	}()
	return w
}

func workerOf(ctx context.Context) *worker { return ctx.Value(workerKey{}).(*worker) }

// Send is the moment at which the receiver has the request.
func (p *process) Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error) {
	w := workerOf(ctx)
	w.sent <- d
	return <-w.answer, nil
}

// plugged is a database that knows the plug.
type plugged struct {
	deliver.BatchStore
	process *process
}

func (b plugged) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	if ids[0] == plug {
		b.process.plugged <- struct{}{}
		b.process.loading.Wait()
		return make([]webhook.Dispatch, 1), make([]error, 1)
	}
	return b.BatchStore.LoadDispatches(ctx, ids)
}

func (b plugged) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	if outcomes[0].Attempt.ID == plug {
		b.process.plugged <- struct{}{}
		b.process.recording.Wait()
		return make([]webhook.Delivery, 1), make([]error, 1)
	}
	return b.BatchStore.RecordOutcomes(ctx, outcomes)
}

// stepped is a process's way to the database. It stops workers when they have loaded, lets a process that has died write nothing
// any more, and moves all times by what its clock is ahead: the process reads its own clock and finds it right.
type stepped struct {
	deliver.Store
	process *process
}

func (s stepped) LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error) {
	s.process.loading.Done()
	d, err := s.Store.LoadDispatch(ctx, id)
	if err != nil {
		return d, err
	}
	w := workerOf(ctx)
	w.loaded <- d
	<-w.send
	if s.process.dead.Load() {
		return d, errDied
	}
	d.Delivery = s.read(d.Delivery)
	return d, nil
}

func (s stepped) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	if s.process.dead.Load() {
		return webhook.Delivery{}, errDied
	}
	s.process.recording.Done()
	o.Delivery, o.Attempt.NextRetryAt = s.written(o.Delivery), moved(o.Attempt.NextRetryAt, s.process.skew)
	now, err := s.Store.RecordOutcome(ctx, o)
	return s.read(now), err
}

func (s stepped) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	now, err := s.Store.FailDelivery(ctx, s.written(failed))
	return s.read(now), err
}

func (s stepped) CountOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	now, err := s.Store.CountOrphan(ctx, id)
	return s.read(now), err
}

// errDied is the one error that is not tried again.
var errDied = webhook.NotFound("process", "which has died")

func (s stepped) read(d webhook.Delivery) webhook.Delivery {
	d.NextRetryAt = moved(d.NextRetryAt, -s.process.skew)
	return d
}

func (s stepped) written(d webhook.Delivery) webhook.Delivery {
	d.NextRetryAt = moved(d.NextRetryAt, s.process.skew)
	return d
}

func moved(at time.Time, by time.Duration) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(by)
}

// unfenced is a database that has forgotten what the revision is for.
type unfenced struct{ deliver.BatchStore }

func (u unfenced) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	now, failures := make([]webhook.Delivery, len(outcomes)), make([]error, len(outcomes))
	for i, o := range outcomes {
		current, failed := u.LoadDispatches(ctx, []string{o.Delivery.ID})
		if failures[i] = failed[0]; failures[i] != nil {
			continue
		}
		o.Delivery.Revision = current[0].Delivery.Revision + 1
		recorded, refused := u.BatchStore.RecordOutcomes(ctx, []webhook.Outcome{o})
		now[i], failures[i] = recorded[0], refused[0]
	}
	return now, failures
}
