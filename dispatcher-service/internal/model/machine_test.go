package model_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/reconcile"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// machine runs the real parts and the model side by side.
type machine struct {
	t          *rapid.T
	ctx        context.Context
	database   database
	store      deliver.Store // what dispatchers write through
	reconciles bool
	org        string
	endpoints  []*endpoint
	order      []string
	expected   map[string]*expected
	queue      *tasks
	processes  []*process
	workers    []*worker
}

// database is a migrated store, and a way past it.
type database struct {
	*store.Store
	raw  *sql.DB
	bind func(number int) string
}

const stepLimit = 30 * time.Second

func newMachine(t *rapid.T, db database, dispatchers deliver.Store, reconciles bool) *machine {
	m := &machine{
		t: t, ctx: context.Background(), database: db, store: dispatchers, reconciles: reconciles,
		org: webhook.NewID(webhook.KindRequest, webhook.Now()), expected: map[string]*expected{},
	}
	m.queue = &tasks{byID: map[string]*task{}, intact: true, alive: func(id string) bool { return len(m.sendingOf(id)) > 0 }}
	for i := range 2 {
		spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com", MaxRetries: &[]int{0, 2}[i]}
		e := webhook.NewEndpoint(m.org, "", spec, "whsec_a", webhook.Now())
		require.NoError(t, db.CreateEndpoint(m.ctx, e))
		m.endpoints = append(m.endpoints, &endpoint{Endpoint: e})
		m.processes = append(m.processes, newProcess(dispatchers))
	}
	return m
}

func (m *machine) sendingOf(id string) (found []*worker) {
	for _, w := range m.workers {
		if w.dispatch.Delivery.ID == id {
			found = append(found, w)
		}
	}
	return found
}

func (m *machine) inFlight(p *process, id string) bool {
	return slices.ContainsFunc(m.sendingOf(id), func(w *worker) bool { return w.process == p })
}

// keep adds a delivery to the model, and to the queue unless whoever was to do that died.
func (m *machine) keep(d webhook.Delivery, e *endpoint) {
	m.expected[d.ID] = &expected{id: d.ID, eventID: d.EventID, endpoint: e, status: d.Status, maxRetries: d.MaxRetries, revision: 1}
	m.order = append(m.order, d.ID)
	m.maybeEnqueue(d.ID)
}

func (m *machine) maybeEnqueue(id string) {
	if rapid.Bool().Draw(m.t, "the queue is told") {
		_, _ = m.queue.Enqueue(m.ctx, queue.Item{DeliveryID: id})
	}
}

// run has a worker of the process take the task, until it sends or ends.
func (m *machine) run(p *process, id string) {
	m.queue.byID[id].state = active
	e, now := m.expected[id], time.Now()
	busy := m.inFlight(p, id)
	w := &worker{process: p, ended: make(chan ended, 1)}
	go func() {
		verdict, err := p.deliverer.Deliver(m.ctx, id, webhook.QueueDeliveries)
		w.ended <- ended{verdict, err}
	}()
	select {
	case w.sending = <-p.sending:
		require.False(m.t, busy, "%s is sent twice by one process", id)
		require.True(m.t, e.sendable(now), "%s was sent: %+v", id, *e)
		require.Equal(m.t, id, w.dispatch.Delivery.ID)
		require.Equal(m.t, e.eventID, w.dispatch.Event.ID)
		e.sends++
		m.workers = append(m.workers, w)
	case end := <-w.ended:
		require.NoError(m.t, end.err)
		require.True(m.t, busy || !e.sendable(now), "%s was not sent: %+v, %+v", id, *e, end.verdict)
		if !busy && e.waiting() && e.endpoint.disabled && (e.status == webhook.StatusPending || !now.Before(e.dueAt)) {
			e.failed(webhook.FailureEndpointDisabled)
		}
		m.ack(id, end.verdict)
	case <-time.After(stepLimit):
		m.t.Fatalf("%s neither was sent nor ended", id)
	}
}

func (m *machine) ack(id string, verdict deliver.Verdict) {
	m.queue.ack(id, func(t *task) {
		switch verdict.Kind {
		case deliver.KindDone:
			delete(m.queue.byID, id)
		case deliver.KindDead:
			t.state = archived
		default:
			t.state, t.at = sleeping, verdict.At
		}
	})
}

// answer has the receiver answer, and the process live long enough to put that on record; whether it lives to tell the queue is
// another question.
func (m *machine) answer(w *worker, status int, acks bool) {
	m.workers = slices.DeleteFunc(m.workers, func(other *worker) bool { return other == w })
	id, revision := w.dispatch.Delivery.ID, w.dispatch.Delivery.Revision
	result := webhook.Result{StartedAt: webhook.Now(), ResponseStatus: status}
	if status == 0 {
		result.Failure = "the connection was refused"
	}
	if status == 429 {
		result.RetryAfter = fmt.Sprint(int(retryAfter.Seconds()))
	}
	began := time.Now()
	w.sending.answer <- result
	end := <-w.ended
	require.NoError(m.t, end.err)

	e := m.expected[id]
	current := revision == e.revision
	row := m.find(id).Delivery
	e.answered(revision, status, row.NextRetryAt)
	if current && e.status == webhook.StatusRetrying {
		delay := retryDelay
		if status == 429 {
			delay = retryAfter
		}
		require.WithinRange(m.t, row.NextRetryAt, began.Add(delay), time.Now().Add(delay+time.Second), "the next attempt")
	}
	if acks {
		m.ack(id, end.verdict)
	}
}

// crash ends a process: what its workers have sent they will never tell.
func (m *machine) crash(i int) {
	p := m.processes[i]
	p.store.dead.Store(true)
	m.workers = slices.DeleteFunc(m.workers, func(w *worker) bool {
		if w.process != p {
			return false
		}
		w.sending.answer <- webhook.Result{StartedAt: webhook.Now(), ResponseStatus: 200}
		<-w.ended
		m.expected[w.dispatch.Delivery.ID].lost++
		return true
	})
	m.processes[i] = newProcess(m.store)
}

func (m *machine) reconcile(p *process) {
	if !m.reconciles {
		return
	}
	if m.queue.intact { // or else all is enqueued, and nothing looked at
		for id, t := range m.queue.byID {
			e := m.expected[id]
			due := e.status == webhook.StatusPending || e.status == webhook.StatusRetrying && e.dueAt.Before(time.Now())
			if t.state == active && len(m.sendingOf(id)) == 0 && due {
				e.orphaned()
			}
		}
	}
	r := reconcile.New(rows{m}, m.queue, p.deliverer, reconcile.Options{Grace: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	require.NoError(m.t, r.Pass(m.ctx))
}

// rows is what of the table is this machine's.
type rows struct{ *machine }

func (r rows) ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error) {
	due, err := r.database.ListDue(ctx, before, after, limit)
	return slices.DeleteFunc(due, func(d store.Due) bool { return r.expected[d.ID] == nil }), err
}

// advance is as if that much time had passed.
func (m *machine) advance(by time.Duration) {
	statement := fmt.Sprintf("UPDATE deliveries SET next_retry_at = %s WHERE id = %s", m.database.bind(1), m.database.bind(2))
	for id, e := range m.expected {
		if e.waiting() {
			_, err := m.database.raw.ExecContext(m.ctx, statement, m.find(id).Delivery.NextRetryAt.Add(-by), id)
			require.NoError(m.t, err)
		}
		e.dueAt = e.dueAt.Add(-by)
	}
	for _, t := range m.queue.byID {
		t.at = t.at.Add(-by)
	}
}

func (m *machine) find(id string) webhook.Record {
	record, err := m.database.FindDelivery(m.ctx, m.org, id)
	require.NoError(m.t, err)
	return record
}
