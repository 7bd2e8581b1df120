package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/reconcile"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

const (
	soon  = time.Minute // a safety limit: no verdict depends on it
	grace = time.Minute
)

// rows is a Store of due deliveries.
type rows struct {
	due   []store.Due
	asked []int // the limits of the calls
	err   error
	slow  time.Duration // how long ListDue takes
}

// newRows returns deliveries that have been due for longer than the grace time.
func newRows(count int) *rows {
	r := &rows{}
	oldest := webhook.Now().Add(-time.Hour)
	for i := range count {
		r.due = append(r.due, store.Due{ID: fmt.Sprintf("dlv_%05d", i), Queue: webhook.QueueDeliveries, Lane: laneOf(fmt.Sprintf("dlv_%05d", i)), NextRetryAt: oldest.Add(time.Duration(i) * time.Millisecond)})
	}
	return r
}

func (r *rows) ListDue(ctx context.Context, before time.Time, after store.Due, limit int) ([]store.Due, error) {
	if r.slow > 0 {
		select {
		case <-time.After(r.slow):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	r.asked = append(r.asked, limit)
	var page []store.Due
	for _, d := range r.due {
		if len(page) < limit && !d.NextRetryAt.After(before) && (after.ID == "" || d.ID > after.ID) {
			page = append(page, d)
		}
	}
	return page, r.err
}

// laneOf returns the lane of a delivery: each has a lane of its own, named by its ID.
func laneOf(id string) webhook.Lane { return webhook.Lane{OrganizationID: "org", EndpointID: id} }

func (r *rows) ListLanes(ctx context.Context, after webhook.Lane, limit int) ([]webhook.Lane, error) {
	due, err := r.ListDue(ctx, webhook.Now().Add(24*time.Hour), store.Due{ID: after.EndpointID}, limit)
	lanes := make([]webhook.Lane, len(due))
	for i, d := range due {
		lanes[i] = laneOf(d.ID)
	}
	return lanes, err
}

// List has no lane in backlog.
func (f *fakeQueue) List(context.Context) (map[webhook.Lane]queue.LaneState, error) { return nil, nil }

// Open notes the lanes as if their deliveries were enqueued.
func (f *fakeQueue) Open(ctx context.Context, lanes []webhook.Lane) error {
	for _, lane := range lanes {
		if _, err := f.Enqueue(ctx, queue.Item{DeliveryID: lane.EndpointID}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (r *rows) FindWaiting(_ context.Context, ids []string) (found []store.Due, _ error) {
	for _, d := range r.due {
		if slices.Contains(ids, d.ID) {
			found = append(found, d)
		}
	}
	return found, r.err
}

// fakeQueue is a Queue that records calls and fails as the test says.
type fakeQueue struct {
	mutex     sync.Mutex
	enqueued  []string
	away      bool             // Redis is unavailable
	bad       map[string]error // errors of single deliveries
	during    func(id string)
	announced int
	emptied   bool // and not marked as intact yet
	states    map[string]queue.TaskState
	verified  []string
	orphaned  []string
	trimmed   int
	// othersTurn is how often BeginRebuild finds that another process holds the lease. Redis is emptied at the renewal number emptiedAt.
	othersTurn, holds, emptiedAt, abandoned int
	heldAt                                  time.Time
	dueAt                                   map[string]time.Time
	askedAt                                 []time.Time
	// leases are the leases of active tasks. clock is by how much Redis's clock is ahead.
	leases    map[string]queue.Lease
	clock     time.Duration
	reclaimed map[string]time.Time
	first     []string
}

// LookUp returns Missing unless the test has set another state.
func (f *fakeQueue) LookUp(_ context.Context, items []queue.Item, verify func(queue.Item) bool) ([]queue.TaskState, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.away {
		return nil, errAway
	}
	states := make([]queue.TaskState, len(items))
	for i, item := range items {
		states[i] = queue.Missing
		if state, found := f.states[item.DeliveryID]; found {
			states[i] = state
		}
		if verify(item) {
			f.verified = append(f.verified, item.DeliveryID)
		}
	}
	return states, nil
}

func (f *fakeQueue) TrimArchive(context.Context, string) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.trimmed++
	return 1, nil
}

// Orphaned implements reconcile.Orphans, to check that an orphan is counted before it is enqueued.
func (f *fakeQueue) Orphaned(_ context.Context, id string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.orphaned = append(f.orphaned, id)
	for _, enqueued := range f.enqueued {
		if enqueued == id {
			return errors.New("it was enqueued before it was counted")
		}
	}
	return nil
}

var errAway = errors.New("connection refused")

func (f *fakeQueue) RegisterQueues(context.Context, ...string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.announced++
	f.askedAt = append(f.askedAt, time.Now())
	if f.away {
		return errAway
	}
	return nil
}

func (f *fakeQueue) Intact(context.Context) (bool, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return !f.emptied, nil
}

// BeginRebuild returns no token for the first othersTurn calls.
func (f *fakeQueue) BeginRebuild(context.Context) (string, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.othersTurn > 0 {
		f.othersTurn--
		return "", nil
	}
	f.heldAt = time.Now()
	return "token", nil
}

func (f *fakeQueue) RenewRebuild(context.Context, string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.holds++
	if f.emptiedAt == f.holds {
		return queue.ErrRedisEmptied
	}
	return f.hold()
}

// hold fails as if another process had taken the lease as soon as it expired.
func (f *fakeQueue) hold() error {
	const lease = 5 * time.Second
	if time.Since(f.heldAt) > lease {
		return queue.ErrRebuildTaken
	}
	f.heldAt = time.Now()
	return nil
}

func (f *fakeQueue) AbandonRebuild(ctx context.Context, _ string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.abandoned++
	return ctx.Err()
}

func (f *fakeQueue) MarkIntact(context.Context, string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := f.hold(); err != nil {
		return err
	}
	f.emptied = false
	return nil
}

func (f *fakeQueue) Enqueue(ctx context.Context, item queue.Item) (queue.Placement, error) {
	if f.during != nil {
		f.during(item.DeliveryID)
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if err := f.bad[item.DeliveryID]; err != nil {
		return "", err
	}
	if f.away {
		return "", errAway
	}
	f.enqueued = append(f.enqueued, item.DeliveryID)
	if f.dueAt == nil {
		f.dueAt = map[string]time.Time{}
	}
	f.dueAt[item.DeliveryID] = item.DueAt
	return queue.Queued, ctx.Err()
}

// take returns what was enqueued since the last call.
func (f *fakeQueue) take() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	taken := f.enqueued
	f.enqueued = nil
	return taken
}

func newReconciler(s reconcile.Store, q reconcile.Queue, perPass int) (*reconcile.Reconciler, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	orphans, told := q.(reconcile.Orphans)
	if !told {
		orphans = &fakeQueue{}
	}
	var lanes reconcile.Lanes = &fakeQueue{}
	switch queued := q.(type) {
	case *fakeQueue:
		lanes = queued
	case *queue.Enqueuer:
		lanes = queued.Lanes()
	}
	return reconcile.New(s, q, lanes, orphans, reconcile.Options{
		Interval: time.Millisecond, Grace: grace, PerPass: perPass, Log: slog.New(slog.DiscardHandler),
	}, registry), registry
}
