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
	"sync/atomic"
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

// control names a safeguard to be left out, in a run of this program that must fail.
const control = "REDRIVE_MODEL_CONTROL"

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(testservers.Suite(m))
}

func TestModelOnPostgres(t *testing.T) {
	url := testservers.Postgres(t)
	check(t, database{
		Store: storetest.Migrated(t, storetest.OpenPostgres(t, url)), raw: openRaw(t, "pgx", url),
		bind: func(number int) string { return fmt.Sprintf("$%d", number) },
	})
}

func TestModelOnSQLite(t *testing.T) {
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

func check(t *testing.T, db database) {
	t.Helper()
	var dispatchers deliver.Store = db
	if os.Getenv(control) == "no-fencing" {
		dispatchers = unfenced{db}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t, db, dispatchers, os.Getenv(control) != "no-reconciler")
		defer m.end()
		t.Repeat(m.commands())
		m.quiesce()
	})
}

// TestTheModelCanFail leaves out one safeguard at a time: a check that cannot fail is worth nothing.
func TestTheModelCanFail(t *testing.T) {
	if os.Getenv(control) != "" {
		t.Skip("this is such a run")
	}
	for _, left := range []string{"no-fencing", "no-reconciler"} {
		t.Run(left, func(t *testing.T) {
			t.Parallel()
			// It takes some hundred tests to notice, and stops with the first that does.
			again := exec.Command(os.Args[0], "-test.run=^TestModelOnPostgres$", "-rapid.nofailfile", "-rapid.shrinktime=0s", "-rapid.checks=4000")
			again.Env = append(os.Environ(), control+"="+left)
			said, err := again.CombinedOutput()
			require.Error(t, err, "the model noticed nothing:\n%s", said)
			assert.Contains(t, string(said), map[string]string{
				"no-fencing": "is not what the model says", "no-reconciler": "is lost",
			}[left])
		})
	}
}

// few deliveries meet each other's ends more often than many.
const few = 3

// commands are what can happen, in any order.
func (m *machine) commands() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(*rapid.T) { m.compare() },
		"accept": func(t *rapid.T) {
			e := rapid.SampledFrom(m.endpoints).Draw(t, "endpoint")
			if e.disabled || len(m.order) >= few {
				t.Skip("not now")
			}
			event := webhook.NewEvent(m.org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
			d := webhook.NewDelivery(event, e.Endpoint, webhook.Now())
			require.NoError(t, m.database.CreateEvent(m.ctx, event, []webhook.Delivery{d}))
			m.keep(d, e)
		},
		"take": func(t *rapid.T) {
			ready := m.queue.ready(time.Now())
			if len(ready) == 0 {
				t.Skip("not now")
			}
			m.run(rapid.SampledFrom(m.processes).Draw(t, "process"), rapid.SampledFrom(ready).Draw(t, "task"))
		},
		"answer": func(t *rapid.T) {
			if len(m.workers) == 0 {
				t.Skip("not now")
			}
			m.answer(m.workers[rapid.IntRange(0, len(m.workers)-1).Draw(t, "worker")],
				rapid.SampledFrom([]int{200, 500, 500, 0, 429, 410}).Draw(t, "status"), rapid.IntRange(0, 4).Draw(t, "ack") > 0)
		},
		"crash": func(t *rapid.T) { m.crash(rapid.IntRange(0, len(m.processes)-1).Draw(t, "process")) },
		"flush": func(*rapid.T) { m.queue.flush() },
		"rebuild": func(t *rapid.T) {
			m.queue.flush()
			m.reconcile(rapid.SampledFrom(m.processes).Draw(t, "process"))
		},
		"reconcile": func(t *rapid.T) { m.reconcile(rapid.SampledFrom(m.processes).Draw(t, "process")) },
		"retry":     m.retry,
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

// retry has several people retry at once: one of them wins, if the delivery can be retried at all.
func (m *machine) retry(t *rapid.T) {
	if len(m.order) == 0 {
		t.Skip("not now")
	}
	id := rapid.SampledFrom(m.order).Draw(t, "delivery")
	e := m.expected[id]
	var wins atomic.Int32
	var group sync.WaitGroup
	for range rapid.IntRange(1, 3).Draw(t, "people") {
		group.Go(func() {
			if _, err := m.database.RetryDelivery(m.ctx, m.org, id, webhook.Now()); err == nil {
				wins.Add(1)
			}
		})
	}
	group.Wait()
	if !e.retryable() {
		require.Zero(t, wins.Load(), "%+v", *e)
		return
	}
	require.EqualValues(t, 1, wins.Load(), "%+v", *e)
	e.retried()
	m.maybeEnqueue(id)
}

func (m *machine) toggle(e *endpoint) {
	status := webhook.EndpointDisabled
	if e.disabled {
		status = webhook.EndpointActive
	}
	_, err := m.database.SetEndpointStatus(m.ctx, m.org, e.ID, status, webhook.Now())
	require.NoError(m.t, err)
	e.disabled = !e.disabled
}

// compare holds every row, and what was sent, against the model.
func (m *machine) compare() {
	for _, id := range m.order {
		e, row := m.expected[id], m.find(id).Delivery
		got := fmt.Sprintf("%s %q retries %d revision %d", row.Status, row.FailureReason, row.RetryCount, row.Revision)
		want := fmt.Sprintf("%s %q retries %d revision %d", e.status, e.reason, e.retryCount, e.revision)
		require.Equal(m.t, want, got, "%s is not what the model says", id)
		if e.waiting() {
			require.Equal(m.t, e.orphans, row.OrphanCount, "%s is not what the model says", id)
		}
		list, err := m.database.ListAttempts(m.ctx, m.org, id, webhook.Page{Limit: 100})
		require.NoError(m.t, err)
		var outcomes []webhook.AttemptOutcome
		for i, attempt := range slices.Backward(list.Items) {
			require.Equal(m.t, len(list.Items)-i, attempt.Number)
			outcomes = append(outcomes, attempt.Outcome)
		}
		require.Equal(m.t, e.attempts, outcomes, "%s is not what the model says", id)
		require.Equal(m.t, e.sends, len(e.attempts)+e.lost+len(m.sendingOf(id)), "%s was sent as often as is known", id)
	}
}

// quiesce lets everything go well from here on: each delivery has to come to its end.
func (m *machine) quiesce() {
	for _, e := range m.endpoints {
		if e.disabled {
			m.toggle(e)
		}
	}
	for range 40 {
		for len(m.workers) > 0 {
			m.answer(m.workers[0], 200, true)
		}
		m.reconcile(m.processes[0])
		for ready := m.queue.ready(time.Now()); len(ready) > 0; ready = m.queue.ready(time.Now()) {
			m.run(m.processes[0], ready[0])
			for len(m.workers) > 0 {
				m.answer(m.workers[0], 200, true)
			}
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

// end lets go of the workers of a check that failed.
func (m *machine) end() {
	for i := range m.processes {
		m.crash(i)
	}
}
