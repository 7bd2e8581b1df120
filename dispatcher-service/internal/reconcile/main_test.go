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

// rows is a table of what is due, in the order in which the store lists it.
type rows struct {
	due   []store.Due
	asked []int // the limits
	err   error
	slow  time.Duration // what a list takes
}

// newRows makes rows that have been due for more than the grace.
func newRows(count int) *rows {
	r := &rows{}
	oldest := webhook.Now().Add(-time.Hour)
	for i := range count {
		r.due = append(r.due, store.Due{ID: fmt.Sprintf("dlv_%05d", i), Queue: webhook.QueueDeliveries, NextRetryAt: oldest.Add(time.Duration(i) * time.Millisecond)})
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

func (r *rows) FindWaiting(_ context.Context, ids []string) (found []store.Due, _ error) {
	for _, d := range r.due {
		if slices.Contains(ids, d.ID) {
			found = append(found, d)
		}
	}
	return found, r.err
}

// fakeQueue takes what it is given, with faults.
type fakeQueue struct {
	mutex     sync.Mutex
	enqueued  []string
	away      bool             // nothing works
	bad       map[string]error // these fail alone
	during    func(id string)
	announced int
	emptied   bool // and not marked as intact since
	sights    map[string]queue.TaskState
	verified  []string
	orphaned  []string
	trimmed   int
	// othersTurn is how often another process is found at the rebuild, and emptiedAt how often one has said that it is at it when
	// Redis is emptied again.
	othersTurn, holds, emptiedAt, abandoned int
	heldAt                                  time.Time
	dueAt                                   map[string]time.Time
	askedAt                                 []time.Time
	// leases are what workers hold, and clock is by how much Redis's clock is ahead.
	leases    map[string]queue.Lease
	clock     time.Duration
	reclaimed map[string]time.Time
	first     []string
}

// Look sees no task unless the test says otherwise.
func (f *fakeQueue) LookUp(_ context.Context, items []queue.Item, verify func(queue.Item) bool) ([]queue.TaskState, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.away {
		return nil, errAway
	}
	sights := make([]queue.TaskState, len(items))
	for i, item := range items {
		sights[i] = queue.Missing
		if sight, found := f.sights[item.DeliveryID]; found {
			sights[i] = sight
		}
		if verify(item) {
			f.verified = append(f.verified, item.DeliveryID)
		}
	}
	return sights, nil
}

func (f *fakeQueue) TrimArchive(context.Context, string) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.trimmed++
	return 1, nil
}

// Orphaned is there too, to see the order of things.
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

// BeginRebuild has another process at it for as long as the test says so.
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

// hold has another process begin at once when a turn has passed.
func (f *fakeQueue) hold() error {
	const turn = 5 * time.Second
	if time.Since(f.heldAt) > turn {
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
	return reconcile.New(s, q, orphans, reconcile.Options{
		Interval: time.Millisecond, Grace: grace, PerPass: perPass, Log: slog.New(slog.DiscardHandler),
	}, registry), registry
}
