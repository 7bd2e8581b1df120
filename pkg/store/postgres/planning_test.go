package postgres_test

import (
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

// work publishes, loads, records and retries, each often enough for a generic plan.
func work(t *testing.T, opened *store.Store) {
	t.Helper()
	ctx, now := t.Context(), webhook.Now()
	endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", now)
	require.NoError(t, opened.CreateEndpoint(ctx, endpoint))

	const rounds, each = 10, 20 // PostgreSQL keeps a generic plan from the sixth execution
	for range rounds {
		var publications []webhook.Publication
		var ids []string
		var retries []webhook.Retry
		for range each {
			event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, now)
			delivery := webhook.NewDelivery(event, endpoint, now)
			delivery.MaxRetries = 0
			publications = append(publications, webhook.Publication{Event: event, Deliveries: []webhook.Delivery{delivery}})
			ids = append(ids, delivery.ID)
			retries = append(retries, webhook.Retry{OrganizationID: "org", DeliveryID: delivery.ID, At: now})
		}
		require.NoError(t, errors.Join(opened.CreateEvents(ctx, publications)...))
		dispatches, errs := opened.LoadDispatches(ctx, ids)
		require.NoError(t, errors.Join(errs...))
		var outcomes []webhook.Outcome
		for _, dispatch := range dispatches {
			outcome, err := webhook.Policy{}.Decide(dispatch.Delivery, webhook.Result{StartedAt: now, ResponseStatus: 500}, now)
			require.NoError(t, err)
			outcomes = append(outcomes, outcome)
		}
		_, errs = opened.RecordOutcomes(ctx, outcomes)
		require.NoError(t, errors.Join(errs...))
		_, errs = opened.RetryDeliveries(ctx, retries)
		require.NoError(t, errors.Join(errs...))
		_, _, err := opened.ListLoads(ctx, now, 20)
		require.NoError(t, err)
		_, _, err = opened.ListFailingEndpoints(ctx, now, 20)
		require.NoError(t, err)
	}
}
