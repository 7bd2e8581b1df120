package model_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/webhook"
)

// process is a dispatcher. Its workers block after loading and in Send until the test lets them continue.
type process struct {
	deliverer *deliver.Deliverer
	skew      time.Duration // offset of its clock
	dead      atomic.Bool
	// loading and recording count the workers that are about to share a statement. A separate statement, the plug, blocks until all of them
	// are ready, so that the next statement serves all of them.
	loading, recording sync.WaitGroup
	plugged            chan struct{}
	plugs              int
}

// worker is one run of a task.
type worker struct {
	id      string
	process *process
	loaded  chan webhook.Dispatch
	send    chan struct{} // closed to let the worker continue after its load
	sent    chan webhook.Dispatch
	answer  chan webhook.Result
	ended   chan ended

	known   *expected // state of the model at the time of the load
	sending bool
}

type ended struct {
	verdict deliver.Verdict
	err     error
}

// The retry delay is one hour, so that only the test's clock decides what is due.
const (
	retryDelay = time.Hour
	retryAfter = 90 * time.Minute
)

func newProcess(store deliver.Store, skew time.Duration) *process {
	p := &process{skew: skew, plugged: make(chan struct{})}
	log := slog.New(slog.DiscardHandler)
	p.deliverer = deliver.New(deliver.Options{
		Store: stepped{store, p}, Sender: p, Log: log, Loaded: p.hasLoaded,
		EndpointAge: time.Hour, // a step of the machine takes as long as the test likes
		Policy:      webhook.Policy{Schedule: []time.Duration{retryDelay}, Random: func() float64 { return 0.5 }},
		Gate:        bulkhead.New(bulkhead.Options{Workers: 1000, Log: log}, prometheus.NewRegistry()),
	}, prometheus.NewRegistry())
	return p
}

// The plugs are deliveries that exist only for the deliverer, not in the database.
const (
	loadPlug   = "plug_load_"
	recordPlug = "plug_record_"
	// settling is longer than a worker usually takes between the end of its wait and its statement.
	settling = time.Millisecond
)

// loadTogether makes n loads share a statement.
func (p *process) loadTogether(ctx context.Context, count int) {
	p.loading.Add(count)
	p.plug(ctx, loadPlug, count)
}

// recordTogether makes n outcomes share a statement.
func (p *process) recordTogether(ctx context.Context, count int) {
	p.recording.Add(count)
	p.plug(ctx, recordPlug, count)
}

func (p *process) plug(ctx context.Context, kind string, count int) {
	if count < 2 {
		return
	}
	p.plugs++
	id := fmt.Sprint(kind, p.plugs)
	go func() { _, _ = p.deliverer.Deliver(ctx, id, webhook.QueueDeliveries) }()
	<-p.plugged
}

// hold blocks the plug's statement until all workers are ready for theirs.
func (p *process) hold(workers *sync.WaitGroup) {
	p.plugged <- struct{}{}
	workers.Wait()
	time.Sleep(settling)
}

type workerKey struct{}

// begin runs a task on a worker. A delivery that the process is handling already is not loaded.
func (p *process) begin(ctx context.Context, id string, loads bool) *worker {
	w := &worker{
		id: id, process: p, loaded: make(chan webhook.Dispatch, 1), send: make(chan struct{}), sent: make(chan webhook.Dispatch, 1),
		answer: make(chan webhook.Result), ended: make(chan ended, 1),
	}
	go func() {
		if loads {
			p.loading.Done()
		}
		verdict, err := p.deliverer.Deliver(context.WithValue(ctx, workerKey{}, w), id, webhook.QueueDeliveries)
		w.ended <- ended{verdict, err}
	}()
	return w
}

// workerOf returns the worker of a delivery, or nil for a plug.
func workerOf(ctx context.Context) *worker {
	w, _ := ctx.Value(workerKey{}).(*worker)
	return w
}

// hasLoaded blocks a worker after its load.
func (p *process) hasLoaded(ctx context.Context, d webhook.Dispatch) error {
	w := workerOf(ctx)
	if w == nil {
		return nil
	}
	w.loaded <- d
	<-w.send
	if p.dead.Load() {
		return errDied
	}
	return nil
}

// Send blocks a worker after the receiver has got the request.
func (p *process) Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error) {
	w := workerOf(ctx)
	if w == nil {
		return webhook.Result{StartedAt: webhook.Now(), ResponseStatus: 200}, nil
	}
	w.sent <- d
	answer := <-w.answer
	if !p.dead.Load() {
		p.recording.Done()
	}
	return answer, nil
}

// stepped is the store of one process. It handles plugs itself, rejects calls of a dead process, and shifts all times by the skew of the
// process's clock. The process therefore sees times that agree with its own clock.
type stepped struct {
	deliver.Store
	process *process
}

func (s stepped) LoadDispatches(ctx context.Context, ids []string) ([]webhook.Dispatch, []error) {
	switch {
	case strings.HasPrefix(ids[0], loadPlug):
		s.process.hold(&s.process.loading)
		return make([]webhook.Dispatch, 1), []error{webhook.NotFound("delivery", ids[0])}
	case strings.HasPrefix(ids[0], recordPlug):
		return []webhook.Dispatch{{Delivery: webhook.Delivery{
			ID: ids[0], Queue: webhook.QueueDeliveries, Status: webhook.StatusPending, NextRetryAt: webhook.Now(),
		}}}, make([]error, 1)
	}
	dispatches, failures := s.Store.LoadDispatches(ctx, ids)
	for i := range dispatches {
		dispatches[i].Delivery = s.read(dispatches[i].Delivery)
	}
	return dispatches, failures
}

func (s stepped) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	rows, failures := make([]webhook.Delivery, len(outcomes)), make([]error, len(outcomes))
	switch {
	case strings.HasPrefix(outcomes[0].Delivery.ID, recordPlug):
		s.process.hold(&s.process.recording)
		return rows, failures
	case s.process.dead.Load():
		for i := range failures {
			failures[i] = errDied
		}
		return rows, failures
	}
	shifted := slices.Clone(outcomes)
	for i, o := range shifted {
		shifted[i].Delivery, shifted[i].Attempt.NextRetryAt = s.written(o.Delivery), moved(o.Attempt.NextRetryAt, s.process.skew)
	}
	rows, failures = s.Store.RecordOutcomes(ctx, shifted)
	for i, row := range rows {
		rows[i] = s.read(row)
	}
	return rows, failures
}

func (s stepped) FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error) {
	now, err := s.Store.FailDelivery(ctx, s.written(failed))
	return s.read(now), err
}

func (s stepped) CountOrphan(ctx context.Context, id string) (webhook.Delivery, error) {
	now, err := s.Store.CountOrphan(ctx, id)
	return s.read(now), err
}

// errDied is the only error that the deliverer does not retry.
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

// unfenced is a store that ignores the revision of a delivery.
type unfenced struct{ deliver.Store }

func (u unfenced) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	now, failures := make([]webhook.Delivery, len(outcomes)), make([]error, len(outcomes))
	for i, o := range outcomes {
		current, failed := u.LoadDispatches(ctx, []string{o.Delivery.ID})
		if failures[i] = failed[0]; failures[i] != nil {
			continue
		}
		o.Delivery.Revision = current[0].Delivery.Revision + 1
		recorded, refused := u.Store.RecordOutcomes(ctx, []webhook.Outcome{o})
		now[i], failures[i] = recorded[0], refused[0]
	}
	return now, failures
}
