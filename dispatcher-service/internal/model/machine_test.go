package model_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math"
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

// machine runs the real components and the model side by side.
type machine struct {
	t          *rapid.T
	ctx        context.Context
	database   database
	store      deliver.Store // the store that dispatchers write to
	reconciles bool
	org        string
	endpoints  []*endpoint
	order      []string
	expected   map[string]*expected
	queue      *tasks
	processes  []*process
	workers    []*worker
}

// database is a migrated store, and direct access to its tables.
type database struct {
	*store.Store
	raw  *sql.DB
	bind func(number int) string
}

const (
	stepLimit = time.Minute
	// ahead is how far the clock of the second process is ahead.
	ahead = 7 * time.Minute
)

func newMachine(t *rapid.T, db database, dispatchers deliver.Store, reconciles bool) *machine {
	m := &machine{
		t: t, ctx: context.Background(), database: db, store: dispatchers, reconciles: reconciles,
		org: webhook.NewID(webhook.KindRequest, webhook.Now()), expected: map[string]*expected{},
	}
	m.queue = &tasks{byID: map[string]*task{}, intact: true, alive: func(id string) bool { return len(m.workersOf(id)) > 0 }}
	for i := range 2 {
		spec := webhook.EndpointSpec{Name: "n", URL: "https://example.com", MaxRetries: &[]int{0, 2}[i]}
		e := webhook.NewEndpoint(m.org, "", spec, "whsec_a", webhook.Now())
		require.NoError(t, db.CreateEndpoint(m.ctx, e))
		m.endpoints = append(m.endpoints, &endpoint{Endpoint: e})
		m.processes = append(m.processes, newProcess(dispatchers, time.Duration(i)*ahead))
	}
	return m
}

// workersOf returns the workers that have loaded the delivery, whether they have sent it or not.
func (m *machine) workersOf(id string) []*worker {
	return m.which(func(w *worker) bool { return w.id == id })
}

// which returns the workers for which the condition is true.
func (m *machine) which(is func(*worker) bool) (found []*worker) {
	for _, w := range m.workers {
		if is(w) {
			found = append(found, w)
		}
	}
	return found
}

func (m *machine) leave(w *worker) {
	m.workers = slices.DeleteFunc(m.workers, func(other *worker) bool { return other == w })
}

// keep adds a delivery to the model. It also enqueues the delivery, unless the process that had to do so was killed.
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

// load makes workers of the process dequeue tasks and load their deliveries in one statement. Deliveries that the process is handling
// already are deferred.
func (m *machine) load(p *process, ids ...string) {
	busy, free := map[string]bool{}, 0
	for _, id := range ids {
		m.queue.byID[id].state = active
		if busy[id] = slices.ContainsFunc(m.workersOf(id), func(w *worker) bool { return w.process == p }); !busy[id] {
			free++
		}
	}
	p.loadTogether(m.ctx, free)
	var begun []*worker
	for _, id := range ids {
		begun = append(begun, p.begin(m.ctx, id, !busy[id]))
	}
	for _, w := range begun {
		select {
		case d := <-w.loaded:
			w.known = m.expected[w.id].copied()
			require.False(m.t, busy[w.id], "%s is loaded twice by one process", w.id)
			require.Equal(m.t, w.id, d.Delivery.ID)
			require.Equal(m.t, w.known.eventID, d.Event.ID)
			require.Equal(m.t, w.known.revision, d.Delivery.Revision)
			m.workers = append(m.workers, w)
		case end := <-w.ended:
			require.NoError(m.t, end.err)
			require.True(m.t, busy[w.id], "%s was not loaded: %+v", w.id, end.verdict)
			m.ack(w.id, end.verdict)
		case <-time.After(stepLimit):
			m.t.Fatalf("%s neither was loaded nor ended", w.id)
		}
	}
}

// send lets a worker continue with the state that it has loaded, even if the state has changed since.
func (m *machine) send(w *worker) {
	known, e := w.known, m.expected[w.id]
	// The worker reads the clock between these two readings, and a delivery can come due in between.
	before, dueBefore := known.sendable(time.Now().Add(w.process.skew))
	close(w.send)
	select {
	case <-w.sent:
		after, _ := known.sendable(time.Now().Add(w.process.skew))
		require.True(m.t, before || after, "%s was sent: %+v", w.id, *known)
		w.sending = true
		e.sends++
	case end := <-w.ended:
		_, due := known.sendable(time.Now().Add(w.process.skew))
		if due != dueBefore {
			due = end.verdict.Kind == deliver.KindDone
		}
		require.NoError(m.t, end.err)
		require.False(m.t, before, "%s was not sent: %+v, %+v", w.id, *known, end.verdict)
		if due && known.endpoint.disabled && known.revision == e.revision {
			e.failed(webhook.FailureEndpointDisabled)
		}
		m.leave(w)
		m.ack(w.id, end.verdict)
	case <-time.After(stepLimit):
		m.t.Fatalf("%s neither was sent nor ended", w.id)
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

// crash kills a process. The outcomes of its sent attempts are lost, and its loaded deliveries are not sent.
func (m *machine) crash(i int) {
	p := m.processes[i]
	p.dead.Store(true)
	for _, w := range m.which(func(w *worker) bool { return w.process == p }) {
		if w.sending {
			w.answer <- webhook.Result{StartedAt: webhook.Now(), ResponseStatus: 200}
			m.expected[w.id].lost++
		} else {
			close(w.send)
		}
		<-w.ended
		m.leave(w)
	}
	m.processes[i] = newProcess(m.store, p.skew)
}

func (m *machine) reconcile(p *process) {
	if !m.reconciles {
		return
	}
	orphans := m.orphans(p)
	r := reconcile.New(rows{m, p}, m.queue, lanes{m, p}, p.deliverer, reconcile.Options{Grace: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
	require.NoError(m.t, r.Pass(m.ctx))
	for id, due := range orphans {
		e := m.expected[id]
		// The pass reads the clock between these two readings, and a delivery can come due in between.
		if !due && e.due(time.Now().Add(p.skew)) {
			row := m.find(id).Delivery
			due = row.OrphanCount != e.orphans || row.Status == webhook.StatusFailure
		}
		if due {
			e.orphaned()
		}
	}
}

// orphans lists the waiting deliveries whose task has lost its worker, and whether each is due now. There are none after a flush: all
// deliveries are enqueued then, and no task is examined.
func (m *machine) orphans(p *process) map[string]bool {
	found := map[string]bool{}
	if !m.queue.intact {
		return found
	}
	for id, t := range m.queue.byID {
		if e := m.expected[id]; t.state == active && len(m.workersOf(id)) == 0 && e.waiting() {
			found[id] = e.due(time.Now().Add(p.skew))
		}
	}
	return found
}

// rows returns the rows of this machine's deliveries, with times by the process's clock.
type rows struct {
	*machine
	process *process
}

func (r rows) ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error) {
	due, err := r.database.ListDue(ctx, before.Add(r.process.skew), after, limit)
	due = slices.DeleteFunc(due, func(d store.Due) bool { return r.expected[d.ID] == nil })
	for i := range due {
		due[i].NextRetryAt = due[i].NextRetryAt.Add(-r.process.skew)
	}
	return due, err
}

// ListLanes is a page of the lanes of this machine's deliveries.
func (r rows) ListLanes(ctx context.Context, after webhook.Lane, limit int) ([]webhook.Lane, error) {
	if after != (webhook.Lane{}) {
		return nil, nil
	}
	all, err := r.database.ListLanes(ctx, after, limit)
	return slices.DeleteFunc(all, func(l webhook.Lane) bool { return l.OrganizationID != r.org }), err
}

// lanes makes tasks of all that waits in a lane that is put into backlog: in the end, dispatchers claim it.
type lanes rows

func (l lanes) List(context.Context) (map[webhook.Lane]queue.LaneState, error) { return nil, nil }

func (l lanes) Open(ctx context.Context, opened []webhook.Lane) error {
	due, err := rows(l).ListDue(ctx, time.Now().Add(anyTime), store.Due{}, math.MaxInt32)
	for _, d := range due {
		if err != nil {
			return err
		}
		if slices.Contains(opened, d.Lane) {
			_, err = l.queue.Enqueue(ctx, queue.Item{DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt})
		}
	}
	return err
}

// anyTime from now is later than the next attempt of any delivery.
const anyTime = 10 * 365 * 24 * time.Hour

// advance moves all times into the past, as if that much time had passed.
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
