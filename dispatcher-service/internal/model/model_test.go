package model_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"redrive/dispatcher-service/internal/deliver"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// control is the environment variable that names the safeguard to leave out. The run of this program must then fail.
const control = "REDRIVE_MODEL_CONTROL"

func TestMain(m *testing.M) {
	// The number is out of reach: budget ends the checks.
	if err := flag.Set("rapid.checks", "100000"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(testservers.Suite(m))
}

func TestModelPostgresAgrees(t *testing.T) {
	url := testservers.Postgres(t)
	check(t, database{
		Store: storetest.Migrated(t, storetest.OpenPostgres(t, url)), raw: openRaw(t, "pgx", url),
		bind: func(number int) string { return fmt.Sprintf("$%d", number) },
	})
}

func TestModelSQLiteAgrees(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.db")
	opened, err := sqlite.Open(path, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	check(t, database{
		Store: storetest.Migrated(t, opened), raw: openRaw(t, "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"),
		bind: func(int) string { return "?" },
	})
}

func openRaw(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

const (
	// budget bounds the time of all checks on one database. Within it, as many checks are made as the machine can.
	budget = 12 * time.Second
	// fewest is the number of checks that are made even on a slow machine.
	fewest = 30
)

func check(t *testing.T, db database) {
	t.Helper()
	var dispatchers deliver.Store = db
	if os.Getenv(control) == "no-fencing" {
		dispatchers = unfenced{db}
	}
	began, checks, failing := time.Now(), 0, false
	rapid.Check(t, func(t *rapid.T) {
		if os.Getenv(control) == "" && !failing && checks >= fewest && time.Since(began) > budget {
			return
		}
		failing = true // a failed check is repeated to minimize it, even after the budget has ended
		m := newMachine(t, db, dispatchers, os.Getenv(control) != "no-reconciler")
		defer m.end()
		t.Repeat(m.commands())
		m.quiesce()
		failing = false
		checks++
	})
	t.Logf("%d checks in %s", checks, time.Since(began).Round(time.Second))
}

// TestModelWrongStoreIsDetected leaves out one safeguard at a time. The checks must fail without it.
func TestModelWrongStoreIsDetected(t *testing.T) {
	if os.Getenv(control) != "" {
		t.Skip("this is such a run")
	}
	for _, model := range []string{"TestModelPostgresAgrees", "TestModelSQLiteAgrees"} {
		for left, noticed := range map[string]string{"no-fencing": "is not what the model says", "no-reconciler": "is lost"} {
			t.Run(left+"/"+model, func(t *testing.T) {
				t.Parallel()
				// About one or two hundred checks are needed to detect it. The run stops at the first failure.
				again := exec.Command(os.Args[0], "-test.run=^"+model+"$", "-rapid.nofailfile", "-rapid.shrinktime=0s", "-rapid.checks=4000")
				again.Env = append(os.Environ(), control+"="+left)
				said, err := again.CombinedOutput()
				require.Error(t, err, "the model noticed nothing:\n%s", said)
				assert.Contains(t, string(said), noticed)
			})
		}
	}
}

// few is a small number of deliveries, so that steps often concern the same delivery.
const few = 3

// commands are the steps of a check, in any order.
func (m *machine) commands() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":       func(*rapid.T) { m.compare() },
		"accept": m.accept,
		"load": func(t *rapid.T) {
			ready := m.queue.ready(time.Now())
			if len(ready) == 0 {
				t.Skip("not now")
			}
			m.load(rapid.SampledFrom(m.processes).Draw(t, "process"), some(t, ready)...)
		},
		"send": func(t *rapid.T) {
			loaded := m.which(func(w *worker) bool { return !w.sending })
			if len(loaded) == 0 {
				t.Skip("not now")
			}
			for _, w := range some(t, loaded) {
				m.send(w)
			}
		},
		"answer": func(t *rapid.T) {
			sending := m.which(func(w *worker) bool { return w.sending })
			if len(sending) == 0 {
				t.Skip("not now")
			}
			var answers []answered
			for _, w := range some(t, sending) {
				status := rapid.SampledFrom([]int{200, 500, 500, 0, 429, 410}).Draw(t, "status")
				answers = append(answers, answered{w, status, rapid.IntRange(0, 4).Draw(t, "ack") > 0})
			}
			m.answer(answers...)
		},
		"crash": func(t *rapid.T) { m.crash(rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")) },
		"flush": func(*rapid.T) { m.queue.flush() },
		"rebuild": func(t *rapid.T) {
			m.queue.flush()
			m.reconcile(rapid.SampledFrom(m.processes).Draw(t, "process"))
		},
		"reconcile": func(t *rapid.T) { m.reconcile(rapid.SampledFrom(m.processes).Draw(t, "process")) },
		"retry":     m.retry,
		"cancel":    m.cancel,
		"replay": func(t *rapid.T) {
			if len(m.order) == 0 || len(m.order) >= few {
				t.Skip("not now")
			}
			old := m.expected[rapid.SampledFrom(m.order).Draw(t, "delivery")]
			if old.endpoint.disabled {
				t.Skip("not now")
			}
			d := webhook.NewDelivery(webhook.Event{ID: old.eventID, OrganizationID: m.org}, old.endpoint.Endpoint, webhook.Now())
			require.NoError(t, m.database.CreateDelivery(m.ctx, d))
			m.keep(d, old.endpoint)
		},
		"toggle": func(t *rapid.T) { m.toggle(rapid.SampledFrom(m.endpoints).Draw(t, "endpoint")) },
		"clock":  func(*rapid.T) { m.advance(2 * time.Hour) },
	}
}

// some returns all elements, or one to three different ones.
func some[T comparable](t *rapid.T, of []T) []T {
	if rapid.Bool().Draw(t, "all") {
		return of
	}
	return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, min(len(of), 3), rapid.ID[T]).Draw(t, "some")
}

// accept publishes one or several events, in one statement if the database supports that.
func (m *machine) accept(t *rapid.T) {
	e := rapid.SampledFrom(m.endpoints).Draw(t, "endpoint")
	if e.disabled || len(m.order) >= few {
		t.Skip("not now")
	}
	var publications []webhook.Publication
	for range rapid.IntRange(1, few-len(m.order)).Draw(t, "events") {
		event := webhook.NewEvent(m.org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
		deliveries := []webhook.Delivery{webhook.NewDelivery(event, e.Endpoint, webhook.Now())}
		publications = append(publications, webhook.Publication{Event: event, Deliveries: deliveries})
	}
	for i, err := range m.database.CreateEvents(m.ctx, publications) {
		require.NoError(t, err)
		m.keep(publications[i].Deliveries[0], e)
	}
}

// retry makes several concurrent requests to retry deliveries. For each delivery that can be retried, exactly one request succeeds.
func (m *machine) retry(t *rapid.T) {
	if len(m.order) == 0 {
		t.Skip("not now")
	}
	var retries []webhook.Retry
	for _, id := range rapid.SliceOfN(rapid.SampledFrom(m.order), 1, few).Draw(t, "deliveries") {
		retries = append(retries, webhook.Retry{OrganizationID: m.org, DeliveryID: id, At: webhook.Now()})
	}
	calls := rapid.IntRange(1, 2).Draw(t, "calls")
	failures := make([][]error, calls)
	var group sync.WaitGroup
	for i := range calls {
		group.Go(func() { _, failures[i] = m.database.RetryDeliveries(m.ctx, retries) })
	}
	group.Wait()
	wins := map[string]int{}
	for _, failed := range failures {
		for i, err := range failed {
			if err == nil {
				wins[retries[i].DeliveryID]++
			}
		}
	}
	for _, id := range m.order {
		e := m.expected[id]
		wanted := slices.ContainsFunc(retries, func(r webhook.Retry) bool { return r.DeliveryID == id })
		if !wanted || !e.retryable() {
			require.Zero(t, wins[id], "%s is not what the model says: it cannot be retried: %+v", id, *e)
			continue
		}
		require.Equal(t, 1, wins[id], "%s is not what the model says: one retry must succeed: %+v", id, *e)
		e.retried()
		m.maybeEnqueue(id)
	}
}

// cancel makes a request to cancel a delivery, whose worker may be sending. It succeeds exactly if the delivery waits.
func (m *machine) cancel(t *rapid.T) {
	if len(m.order) == 0 {
		t.Skip("not now")
	}
	e := m.expected[rapid.SampledFrom(m.order).Draw(t, "delivery")]
	_, err := m.database.CancelDelivery(m.ctx, webhook.Cancellation{OrganizationID: m.org, DeliveryID: e.id, At: webhook.Now()})
	if !e.waiting() {
		require.ErrorIs(t, err, webhook.ErrDeliveryNotWaiting, "%s is not what the model says: it has ended: %+v", e.id, *e)
		return
	}
	require.NoError(t, err, "%s is not what the model says: it waits: %+v", e.id, *e)
	e.failed(webhook.FailureCancelled)
}

func (m *machine) toggle(e *endpoint) {
	status := webhook.EndpointDisabled
	if e.disabled {
		status = webhook.EndpointActive
	}
	_, err := storetest.SetStatus(m.ctx, m.database.Store, m.org, e.ID, status, webhook.Now())
	require.NoError(m.t, err)
	e.set(!e.disabled)
}

// compare compares every row and every sent request with the model.
func (m *machine) compare() {
	outcomes := m.outcomes()
	for _, id := range m.order {
		e := m.expected[id]
		if differs := e.differs(m.find(id).Delivery, outcomes[id]); differs != "" {
			m.t.Fatalf("%s is not what the model says: %s", id, differs)
		}
		open := len(m.which(func(w *worker) bool { return w.id == id && w.sending }))
		require.Equal(m.t, e.sends, len(e.attempts)+e.lost+open, "%s was sent as often as is known", id)
	}
}

// quiesce makes every further step succeed. Every delivery must then end.
func (m *machine) quiesce() {
	for _, e := range m.endpoints {
		if e.disabled {
			m.toggle(e)
		}
	}
	for range 40 {
		m.finish()
		m.reconcile(m.processes[0])
		for ready := m.queue.ready(time.Now()); len(ready) > 0; ready = m.queue.ready(time.Now()) {
			m.load(m.processes[0], ready[0])
			m.finish()
		}
		m.compare()
		if !slices.ContainsFunc(m.order, func(id string) bool { return m.expected[id].waiting() }) {
			return
		}
		m.advance(2 * time.Hour)
	}
	for _, id := range m.order {
		if e := m.expected[id]; e.waiting() {
			m.t.Fatalf("%s is lost: %+v", id, *e)
		}
	}
}

// finish lets every worker run to its end.
func (m *machine) finish() {
	for len(m.workers) > 0 {
		w := m.workers[0]
		if !w.sending {
			m.send(w)
		}
		if w.sending {
			m.answer(answered{w, 200, true})
		}
	}
}

// end releases the workers of a failed check.
func (m *machine) end() {
	for i := range m.processes {
		m.crash(i)
	}
}
