package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// statements records the statements of the store.
type statements struct {
	mutex sync.Mutex
	said  []pgx.TraceQueryStartData
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.said = append(s.said, data)
	return ctx
}

func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// of returns the statements of a call that have a plan.
func (s *statements) of(call func()) []pgx.TraceQueryStartData {
	s.said = nil
	call()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var planned []pgx.TraceQueryStartData
	for _, said := range s.said {
		verb, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(said.SQL)), " ")
		switch strings.TrimSpace(verb) {
		case "select", "update", "delete", "insert", "with":
			planned = append(planned, said)
		}
	}
	return planned
}

// TestPlansUseIndexes explains every frequent statement and checks the names of the indexes in its plan. With these indexes, a
// statement takes the same time with millions of rows.
func TestPlansUseIndexes(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	recorder := &statements{}
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1, Tracer: recorder}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)
	w := fill(t, opened)
	conn := connect(t, url)

	for name, c := range statementCalls(t.Context(), opened, w) {
		said := recorder.of(func() { require.NoError(t, c.call(), name) })
		require.NotEmpty(t, said, name)
		if c.indexes != nil {
			require.Len(t, said, len(c.indexes), "%s: %v", name, said)
		}
		for i, statement := range said {
			plan := explain(t, conn, statement)
			assert.NotContains(t, plan, "Seq Scan", "%s: %s\n%s", name, statement.SQL, plan)
			if c.indexes == nil {
				continue
			}
			for _, index := range c.indexes[i] {
				assert.Contains(t, plan, index, "%s: %s\n%s", name, statement.SQL, plan)
			}
			if strings.HasPrefix(name, "list") && i == 0 {
				assert.NotContains(t, plan, "Sort", "%s: the index has the order already\n%s", name, plan)
			}
		}
	}
}

// statementCall is a call of the store, and the indexes that each of its statements uses.
type statementCall struct {
	call    func() error
	indexes [][]string // of each statement
}

// statementCalls are the frequent calls.
func statementCalls(ctx context.Context, opened *store.Store, w filled) map[string]statementCall {
	page, now := webhook.Page{Limit: 20, Offset: 40}, webhook.Now()
	after := webhook.Page{Limit: 20, After: w.failed.ID}
	sized := []string{"deliveries_pkey", "events_pkey", "attempts_pkey"}
	search := func(f webhook.DeliveryFilter) func() error {
		f.OrganizationID = "org"
		return func() error { _, err := opened.PageDeliveries(ctx, f, webhook.Page{Limit: 20}); return err }
	}
	events := func(f webhook.EventFilter) func() error {
		f.OrganizationID = "org"
		return func() error { _, err := opened.PageEvents(ctx, f, webhook.Page{Limit: 20}); return err }
	}
	calls := map[string]statementCall{
		"get a delivery": {
			func() error { _, err := opened.FindDelivery(ctx, "org", w.failed.ID); return err },
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, page)
				return err
			},
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries of an endpoint": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org", EndpointID: w.endpoint.ID}, page)
				return err
			},
			[][]string{{"deliveries_by_endpoint", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries after a position": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, after)
				return err
			},
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries of an endpoint after a position": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org", EndpointID: w.endpoint.ID}, after)
				return err
			},
			[][]string{{"deliveries_by_endpoint", "events_pkey", "attempts_pkey"}},
		},
		"list deliveries without bodies": {
			func() error {
				_, err := opened.PageDeliveries(ctx, webhook.DeliveryFilter{OrganizationID: "org"}, webhook.Page{Limit: 20, WithoutBodies: true})
				return err
			},
			[][]string{{"deliveries_by_organization", "attempts_pkey"}},
		},
		"search by status": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusFailure}}),
			[][]string{{"deliveries_by_status"}, sized},
		},
		"search by status and endpoint": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusFailure}, EndpointID: w.failed.EndpointID}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status"}, sized},
		},
		"search by time": {
			search(webhook.DeliveryFilter{From: now.Add(-time.Hour), To: now.Add(time.Hour)}),
			[][]string{{"deliveries_by_organization"}, sized},
		},
		"search by error code": {
			search(webhook.DeliveryFilter{ErrorCode: webhook.ErrorHTTPStatus}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status", "attempts_pkey"}, sized},
		},
		"search by the status of the answer": {
			search(webhook.DeliveryFilter{ResponseStatus: webhook.StatusRange{Low: 500, High: 599}, EndpointID: w.failed.EndpointID}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status", "attempts_pkey"}, sized},
		},
		"search by success": {
			search(webhook.DeliveryFilter{Statuses: []webhook.Status{webhook.StatusSuccess}}),
			[][]string{{"deliveries_by_organization"}, {"deliveries_by_organization"}},
		},
		"search by event": {
			search(webhook.DeliveryFilter{EventID: w.failed.EventID}),
			[][]string{{"events", "deliveries_by_event"}, sized},
		},
		"search by run": {
			search(webhook.DeliveryFilter{RunID: "run_7"}),
			[][]string{{"events_by_run"}, {"events_by_run", "deliveries_by_event"}, sized},
		},
		"search by workflow and reason": {
			search(webhook.DeliveryFilter{WorkflowID: "wf_7", FailureReason: webhook.FailureExhausted}),
			[][]string{{"deliveries_by_status"}, {"deliveries_by_status"}, {"deliveries_by_status", "events_pkey", "attempts_pkey"}, sized},
		},
		"search by workflow and the status of the answer": {
			search(webhook.DeliveryFilter{WorkflowID: "wf_7", ResponseStatus: webhook.StatusRange{Low: 200, High: 599}}),
			[][]string{{"events_by_workflow"}, {"events_by_workflow", "deliveries_by_event", "attempts_pkey"}, sized},
		},
		"search by execution": {
			search(webhook.DeliveryFilter{ExecutionID: "exec_7"}),
			[][]string{{"events_by_execution"}, {"events_by_execution", "deliveries_by_event"}, sized},
		},
		"search by type": {
			search(webhook.DeliveryFilter{EventType: "run.finished"}),
			[][]string{{"events_by_type"}, {"events_by_type", "deliveries_by_event"}, sized},
		},
		"list events": {
			events(webhook.EventFilter{}), [][]string{{"events_by_organization"}, {"events_pkey"}},
		},
		"list events of a type": {
			events(webhook.EventFilter{Type: "run.finished"}), [][]string{{"events_by_type"}, {"events_pkey"}},
		},
		"list events of a run": {
			events(webhook.EventFilter{RunID: "run_7"}), [][]string{{"events_by_run"}, {"events_pkey"}},
		},
		"search events by run and type": {
			events(webhook.EventFilter{RunID: "run_7", Type: "run.finished"}),
			[][]string{{"events_by_run"}, {"events_by_run"}, {"events_by_run"}, {"events_pkey"}},
		},
		"find an event with its endpoints": {
			func() error { _, err := opened.FindFanOut(ctx, "org", w.failed.EventID); return err },
			[][]string{{"events_pkey"}, {"deliveries_by_event"}, {"endpoints_by_organization", "deliveries_by_event"}, {"endpoint_changes"}, {"endpoints_pkey", "endpoint_changes_by_endpoint"}},
		},
		"cancel": {
			func() error {
				_, err := opened.CancelDelivery(ctx, webhook.Cancellation{OrganizationID: "org", DeliveryID: w.failed.ID, At: now})
				if errors.Is(err, webhook.ErrDeliveryNotWaiting) {
					return nil
				}
				return err
			},
			nil,
		},
		"list attempts after a position": {
			func() error {
				_, err := opened.PageAttempts(ctx, "org", w.failed.ID, webhook.Page{Limit: 20, After: w.failed.LastAttemptID})
				return err
			},
			[][]string{{"deliveries_by_organization"}, {"attempts_delivery_id_number_key"}},
		},
		"list attempts": {
			func() error { _, err := opened.PageAttempts(ctx, "org", w.failed.ID, page); return err },
			[][]string{{"deliveries_by_organization"}, {"attempts_delivery_id_number_key"}},
		},
		"size of a delivery": {
			func() error { _, err := opened.SizeDelivery(ctx, "org", w.failed.ID); return err },
			[][]string{{"deliveries_by_organization", "events_pkey", "attempts_pkey"}},
		},
		"read deliveries": {
			func() error {
				_, err := opened.ReadDeliveries(ctx, "org", []string{w.failed.ID, w.waiting.ID})
				return err
			},
			[][]string{{"deliveries_pkey", "events_pkey", "attempts_pkey"}},
		},
		"read attempts": {
			func() error { _, err := opened.ReadAttempts(ctx, "org", []string{w.failed.LastAttemptID}); return err },
			[][]string{{"attempts_pkey"}},
		},
		"list endpoints": {
			func() error {
				_, err := opened.ListEndpoints(ctx, webhook.EndpointFilter{OrganizationID: "org"}, page)
				return err
			},
			[][]string{{"endpoints_by_organization"}},
		},
		"whom an event concerns": {
			func() error { _, err := opened.ListActiveEndpoints(ctx, "org"); return err },
			[][]string{{"endpoints_by_organization"}},
		},
		"find a key": {
			func() error { _, err := opened.FindAPIKeyByHash(ctx, [32]byte{1}); return ignoreNotFound(err) },
			[][]string{{"api_keys_key_hash_key", "organizations_pkey"}},
		},
		"find keys": {
			func() error {
				_, errs := opened.FindIdentities(ctx, [][32]byte{{1}, {2}})
				return ignoreNotFound(errs[0])
			},
			[][]string{{"api_keys_key_hash_key", "organizations_pkey"}},
		},
		"find an organization": {
			func() error { _, err := opened.FindOrganization(ctx, "org"); return ignoreNotFound(err) },
			[][]string{{"organizations_pkey"}},
		},
		"count what waits": {
			func() error { _, err := opened.CountWaitingOf(ctx, "org", 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}},
		},
		"count what waits by status": {
			func() error { _, err := opened.CountWaitingBy(ctx, "org", "", 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}, {"deliveries_by_lane", "endpoints_by_organization", "deliveries_pkey"}},
		},
		"count what waits for an endpoint by status": {
			func() error { _, err := opened.CountWaitingBy(ctx, "org", w.endpoint.ID, 1000); return err },
			[][]string{{"deliveries_by_lane", "endpoints_"}},
		},
		"read statistics": {
			func() error {
				q := webhook.StatisticsQuery{OrganizationID: "org", Interval: webhook.IntervalDay, To: webhook.HourOf(now) + 1}
				_, _, err := opened.ReadStatistics(ctx, q)
				return err
			},
			[][]string{{"statistics_state_pkey"}, {"statistics_hours_pkey", "statistics_days_pkey", "statistics_deltas_pkey"}},
		},
		"loads of organizations": {
			func() error { _, _, err := opened.ListLoads(ctx, now, 20); return err },
			[][]string{
				{"deliveries_by_lane", "endpoints_", "organizations_"},
				{"deliveries_by_lane"},
				{"organizations_pkey"},
				{"statistics_hours_pkey"},
				{"endpoint_health_", "endpoints_pkey"},
			},
		},
		"failing endpoints of all organizations": {
			func() error { _, _, err := opened.ListFailingEndpoints(ctx, now.Add(-time.Hour), 20); return err },
			[][]string{
				{"endpoint_health_failing", "endpoints_pkey"},
				{"endpoints_disabled", "endpoint_health_pkey"},
				{"organizations_pkey"},
				{"deliveries_by_endpoint", "attempts_pkey"},
			},
		},
		"running jobs of all organizations": {
			func() error { _, _, err := opened.ListRunningJobs(ctx, 20); return err },
			[][]string{{"bulk_jobs_due"}},
		},
		"names of endpoints": {
			func() error { _, err := opened.FindEndpointNames(ctx, []string{w.endpoint.ID}); return err },
			[][]string{{"endpoints_pkey"}},
		},
		"merge statistics": {
			func() error { _, err := opened.MergeStatistics(ctx, store.DeltaPosition{}, 10); return err },
			nil,
		},
		"purge statistics": {
			func() error { _, err := opened.PurgeStatistics(ctx, now.Add(36*24*time.Hour), 10); return err },
			nil,
		},
		"lanes of an organization": {
			func() error { _, err := opened.ListLanesOf(ctx, "org", webhook.Lane{}, 10); return err },
			[][]string{{"deliveries_by_lane", "endpoints_by_organization"}},
		},
		"read lanes": {
			func() error {
				_, err := opened.ReadLanes(ctx, []store.LaneCursor{{Lane: w.waiting.Lane()}}, 10)
				return err
			},
			[][]string{{"deliveries_by_lane", "endpoints_held", "organizations_"}},
		},
		"load a dispatch": {
			func() error { _, err := opened.LoadDispatch(ctx, w.waiting.ID); return err },
			[][]string{{"deliveries_pkey", "events_pkey"}, {"endpoints_pkey", "organizations_pkey"}},
		},
		"load dispatches": {
			func() error {
				_, errs := opened.LoadDispatches(ctx, []string{w.waiting.ID, w.failed.ID})
				return errs[0]
			},
			[][]string{{"deliveries_pkey", "events_pkey"}, {"endpoints_pkey", "organizations_pkey"}},
		},
		"record outcomes": {
			func() error { _, errs := opened.RecordOutcomes(ctx, []webhook.Outcome{w.outcome}); return errs[0] },
			[][]string{{"deliveries_pkey"}},
		},
		"list what is due": {
			func() error {
				_, err := opened.ListDue(ctx, now.Add(time.Hour), store.Due{ID: w.waiting.ID, NextRetryAt: w.waiting.NextRetryAt}, 10)
				return err
			},
			[][]string{{"deliveries_due", "endpoints_held", "organizations_deleted"}},
		},
		"count those that wait": {
			func() error { _, err := opened.CountWaiting(ctx, now, 10); return err },
			[][]string{{"deliveries_due"}},
		},
		"find those that wait": {
			func() error { _, err := opened.FindWaiting(ctx, []string{w.waiting.ID, w.failed.ID}); return err },
			[][]string{{"deliveries_pkey"}},
		},
		"purge deliveries": {
			func() error { _, err := opened.PurgeDeliveries(ctx, now.Add(-time.Hour), "", 5); return err },
			[][]string{{"deliveries_pkey"}},
		},
		"purge events": {
			func() error { _, err := opened.PurgeEvents(ctx, now.Add(time.Hour), "", 5); return err },
			[][]string{{"events_pkey", "deliveries_by_event"}, {"events_pkey", "deliveries_by_event"}}, // look, delete
		},
		"retry together": {
			func() error {
				both := []webhook.Retry{{OrganizationID: "org", DeliveryID: w.failed.ID, At: now}, {OrganizationID: "org", DeliveryID: w.waiting.ID, At: now}}
				_, errs := opened.RetryDeliveries(ctx, both)
				return errors.Join(ignoreNotFailed(errs[0]), ignoreNotFailed(errs[1]))
			},
			nil,
		},
		"retry": {
			func() error {
				_, err := opened.RetryDelivery(ctx, "org", w.failed.ID, now)
				return ignoreNotFailed(err)
			},
			nil, // any number of statements, each with an index scan
		},
	}
	maps.Copy(calls, consoleCalls(ctx, opened, w))
	return calls
}

type filled struct {
	endpoint        webhook.Endpoint
	waiting, failed webhook.Delivery
	outcome         webhook.Outcome
	console         webhook.ConsoleSession
}

// fill inserts enough rows of enough organizations for the planner to prefer indexes.
func fill(t *testing.T, s *store.Store) (w filled) {
	t.Helper()
	now := webhook.Now()
	for i := range 40 {
		organization := fmt.Sprintf("org-%d", i)
		if i == 20 {
			organization = "org"
		}
		console := fillConsole(t, s, organization, now)
		for range 3 {
			w.endpoint = webhook.NewEndpoint(organization, "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", now)
			require.NoError(t, s.CreateEndpoint(t.Context(), w.endpoint))
		}
		var outcomes []webhook.Outcome
		for j := range 40 {
			event := webhook.NewEvent(organization, webhook.EventSpec{
				Type: "run.finished", Data: json.RawMessage(`{}`), WorkflowID: fmt.Sprintf("wf_%d", j), RunID: fmt.Sprintf("run_%d", j), ExecutionID: fmt.Sprintf("exec_%d", j),
			}, now)
			waiting, failed := webhook.NewDelivery(event, w.endpoint, now), webhook.NewDelivery(event, w.endpoint, now)
			failed.MaxRetries = 0
			require.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{waiting, failed}))
			outcome, err := webhook.Policy{}.Decide(failed, webhook.Result{StartedAt: now, ResponseStatus: 500}, now)
			require.NoError(t, err)
			outcomes = append(outcomes, outcome)
			if organization == "org" {
				w.waiting, w.failed, w.console = waiting, failed, console
				w.failed.LastAttemptID = outcome.Attempt.ID
			}
		}
		_, errs := s.RecordOutcomes(t.Context(), outcomes)
		require.NoError(t, errors.Join(errs...))
	}
	endpoints, err := s.ListActiveEndpoints(t.Context(), "org")
	require.NoError(t, err)
	w.endpoint = endpoints[2]
	w.outcome, err = webhook.Policy{}.Decide(w.waiting, webhook.Result{StartedAt: now, ResponseStatus: 500}, now)
	require.NoError(t, err)
	return w
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, statement := range []string{"ANALYZE", "SET enable_seqscan = off", "SET enable_hashjoin = off", "SET enable_mergejoin = off", "SET enable_bitmapscan = off", "SET enable_sort = off"} {
		_, err = conn.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	return conn
}

func explain(t *testing.T, conn *pgx.Conn, statement pgx.TraceQueryStartData) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "EXPLAIN (COSTS OFF) "+statement.SQL, statement.Args...)
	require.NoError(t, err, statement.SQL)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err, statement.SQL)
	return strings.Join(lines, "\n")
}

// ignoreNotFailed ignores the refusal of a delivery that has not failed.
func ignoreNotFailed(err error) error {
	if errors.Is(err, webhook.ErrDeliveryNotFailed) {
		return nil
	}
	return err
}

func ignoreNotFound(err error) error {
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil
	}
	return err
}
