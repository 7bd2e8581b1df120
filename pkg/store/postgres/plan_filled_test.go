package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

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
