package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
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

// Plans of empty tables are kept and used with millions of rows. None may scan a whole table. PostgreSQL's statistics count
// the rows of sequential scans.
func TestPlansOfEmptyTablesKeepUsingIndexes(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	storetest.Migrated(t, opened)
	work(t, opened)
	require.NoError(t, opened.Close()) // the connection reports its statistics when it closes
	assert.Empty(t, readAsAWhole(t, url))
}

// readAsAWhole returns the names of the large tables that were scanned sequentially.
func readAsAWhole(t *testing.T, url string) []string {
	t.Helper()
	conn := connect(t, url)
	rows, err := conn.Query(t.Context(), "SELECT relname FROM pg_stat_user_tables WHERE relname IN ('deliveries', 'events', 'attempts') AND seq_tup_read > 0")
	require.NoError(t, err)
	read, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return read
}

// rounds is how often each statement is executed. PostgreSQL can keep a generic plan from the sixth execution on.
const rounds = 10

// work publishes, loads, records and retries, each often enough for a generic plan.
func work(t *testing.T, opened *store.Store) {
	t.Helper()
	w := worker{opened, newEndpoint(t, opened)}
	for range rounds {
		w.retry(t, w.failed(t, 20))
		_, _, err := opened.ListLoads(t.Context(), webhook.Now(), 20)
		require.NoError(t, err)
		_, _, err = opened.ListFailingEndpoints(t.Context(), webhook.Now(), 20)
		require.NoError(t, err)
	}
}

// worker uses a store as the services do.
type worker struct {
	store    *store.Store
	endpoint webhook.Endpoint
}

func newEndpoint(t *testing.T, opened *store.Store) webhook.Endpoint {
	t.Helper()
	endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", webhook.Now())
	require.NoError(t, opened.CreateEndpoint(t.Context(), endpoint))
	return endpoint
}

// failed publishes, loads and records deliveries that fail, and returns their IDs.
func (w worker) failed(t *testing.T, count int) []string {
	t.Helper()
	ctx, now := t.Context(), webhook.Now()
	var publications []webhook.Publication
	var ids []string
	for range count {
		event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, now)
		delivery := webhook.NewDelivery(event, w.endpoint, now)
		delivery.MaxRetries = 0
		publications = append(publications, webhook.Publication{Event: event, Deliveries: []webhook.Delivery{delivery}})
		ids = append(ids, delivery.ID)
	}
	require.NoError(t, errors.Join(w.store.CreateEvents(ctx, publications)...))
	w.attempt(t, ids, 500)
	return ids
}

// attempt loads deliveries and records answers.
func (w worker) attempt(t *testing.T, ids []string, status int) {
	t.Helper()
	ctx, now := t.Context(), webhook.Now()
	dispatches, errs := w.store.LoadDispatches(ctx, ids)
	require.NoError(t, errors.Join(errs...))
	var outcomes []webhook.Outcome
	for _, dispatch := range dispatches {
		outcome, err := webhook.Policy{}.Decide(dispatch.Delivery, webhook.Result{StartedAt: now, ResponseStatus: status}, now)
		require.NoError(t, err)
		outcomes = append(outcomes, outcome)
	}
	_, errs = w.store.RecordOutcomes(ctx, outcomes)
	require.NoError(t, errors.Join(errs...))
}

// retry retries deliveries.
func (w worker) retry(t *testing.T, ids []string) {
	t.Helper()
	var retries []webhook.Retry
	for _, id := range ids {
		retries = append(retries, webhook.Retry{OrganizationID: "org", DeliveryID: id, At: webhook.Now()})
	}
	_, errs := w.store.RetryDeliveries(t.Context(), retries)
	require.NoError(t, errors.Join(errs...))
}

// Statistics that were collected while no delivery had failed say that an index of failed deliveries is the shortest way to any of them. A
// retry still reads only the deliveries that it names.
func TestRetryAfterSuccessesReadsNamedDeliveries(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 1}, storetest.Sealer(t))
	require.NoError(t, err)
	storetest.Migrated(t, opened)
	w := worker{opened, newEndpoint(t, opened)}
	succeeded := w.failed(t, 2000)
	w.retry(t, succeeded)
	w.attempt(t, succeeded, 200)
	conn := connect(t, url) // collects statistics
	ids := w.failed(t, 500)
	for _, id := range ids[:rounds] {
		w.retry(t, []string{id})
	}
	require.NoError(t, opened.Close()) // the connection reports its statistics when it closes
	var read int64
	require.NoError(t, conn.QueryRow(t.Context(),
		"SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'deliveries_by_status'").Scan(&read))
	assert.Zero(t, read, "entries of failed deliveries")
}

// The statements of the services are planned a few times for each connection, also for batches of another length than the kept plan
// expects.
func TestPlansOfSmallBatchesAreKept(t *testing.T) {
	t.Parallel()
	recorder := &connections{}
	opened, err := postgres.Open(postgres.Options{URL: testservers.Postgres(t), MaxConnections: 1, Tracer: recorder}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)
	w := worker{opened, newEndpoint(t, opened)}
	for i := range 2 * rounds {
		ids := w.failed(t, 1+i%3)
		w.retry(t, ids)
		w.attempt(t, ids, 200)
		_, err := opened.ReadLanes(t.Context(), []store.LaneCursor{{Lane: webhook.Lane{OrganizationID: "org", EndpointID: w.endpoint.ID}}}, 256)
		require.NoError(t, err)
	}
	rows, err := recorder.last.Query(t.Context(), `SELECT format('planned %s times: %s', custom_plans, statement) FROM pg_prepared_statements
		WHERE custom_plans > 5 AND generic_plans + custom_plans >= $1 AND (statement LIKE '%unnest%' OR statement LIKE '%ANY%')`, rounds)
	require.NoError(t, err)
	planned, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	assert.Empty(t, planned)
}

// connections records the connection of the last statement.
type connections struct{ last *pgx.Conn }

func (c *connections) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.last = conn
	return ctx
}

func (c *connections) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
