package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// connection remembers the connection of the last statement.
type connection struct{ last *pgx.Conn }

func (c *connection) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.last = conn
	return ctx
}

func (c *connection) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestSearchPlanFollowsItsValues repeats searches of a value that few rows have among many rows of others. A plan for any values reads all
// rows within a range of IDs.
func TestSearchPlanFollowsItsValues(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	used := &connection{}
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1, Tracer: used}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)
	w := fill(t, opened)

	const often = 10 // PostgreSQL keeps a plan for any values from the sixth execution
	for range often {
		search(t, opened, w)
	}
	kept, err := used.last.Query(t.Context(), "SELECT statement FROM pg_prepared_statements")
	require.NoError(t, err)
	statements, err := pgx.CollectRows(kept, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, statements, "others are prepared")
	for _, statement := range statements {
		assert.NotRegexp(t, `(deliveries d|events e) WHERE`, statement)
	}
	var parallel string
	require.NoError(t, used.last.QueryRow(t.Context(), "SHOW max_parallel_workers_per_gather").Scan(&parallel))
	assert.Equal(t, "0", parallel)
}

// search makes a search by each kind of statement: a probe, a walk with windows, the deliveries of few events, and a count.
func search(t *testing.T, opened *store.Store, w filled) {
	t.Helper()
	page := webhook.Page{Limit: 20}
	for _, filter := range []webhook.DeliveryFilter{
		{OrganizationID: "org", ErrorCode: webhook.ErrorHTTPStatus, EndpointID: w.failed.EndpointID},
		{OrganizationID: "org", RunID: "run_7", Statuses: []webhook.Status{webhook.StatusFailure}},
	} {
		list, err := opened.PageDeliveries(t.Context(), filter, page)
		require.NoError(t, err)
		require.NotEmpty(t, list.Items)
	}
	list, err := opened.PageEvents(t.Context(), webhook.EventFilter{OrganizationID: "org", RunID: "run_7", Type: "run.finished"}, page)
	require.NoError(t, err)
	require.NotEmpty(t, list.Items)
	plan, err := opened.PlanBulkJob(t.Context(), webhook.BulkSpec{
		OrganizationID: "org", Action: webhook.BulkRetry, Filter: map[string]string{"status": "failure", "runId": "run_7"},
	})
	require.NoError(t, err)
	require.Positive(t, plan.Total)
}
