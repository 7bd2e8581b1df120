package months_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

// march is a time in the month that the fixtures begin in.
var march = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// world is a database with a store, an endpoint and a connection for looking at it.
type world struct {
	*store.Store
	t        *testing.T
	url      string
	conn     *pgx.Conn
	endpoint webhook.Endpoint
	sealer   store.Sealer
}

// newWorld returns a world that is not divided.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, url: storetest.MigratedPostgres(t), sealer: storetest.Sealer(t)}
	w.Store = w.open()
	w.conn = w.connect()
	w.endpoint = webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", march)
	require.NoError(t, w.CreateEndpoint(t.Context(), w.endpoint))
	return w
}

// open opens another store in the database, as another process does.
func (w *world) open() *store.Store {
	w.t.Helper()
	opened, err := postgres.Open(postgres.Options{URL: w.url, MaxConnections: 4}, w.sealer)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, opened.Close()) })
	return opened
}

// divide converts the tables at a time.
func (w *world) divide(at time.Time) {
	w.t.Helper()
	converted, err := w.PartitionByMonth(w.t.Context(), at, func(string) {})
	require.NoError(w.t, err)
	require.True(w.t, converted)
}

func (w *world) connect() *pgx.Conn {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.url)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// publish makes an event with a delivery at a time.
func (w *world) publish(at time.Time) webhook.Delivery {
	w.t.Helper()
	event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, at)
	d := webhook.NewDelivery(event, w.endpoint, at)
	require.NoError(w.t, w.CreateEvent(w.t.Context(), event, []webhook.Delivery{d}))
	return d
}

// fail ends a delivery in failure at a time.
func (w *world) fail(d webhook.Delivery, at time.Time) webhook.Delivery {
	w.t.Helper()
	d.MaxRetries = 0
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: at, ResponseStatus: 500}, at)
	require.NoError(w.t, err)
	outcome.EventType = "run.finished"
	failed, err := w.RecordOutcome(w.t.Context(), outcome)
	require.NoError(w.t, err)
	return failed
}

// ended is a delivery that was published and has failed at a time.
func (w *world) ended(at time.Time) webhook.Delivery { return w.fail(w.publish(at), at) }

// place returns the table that has the row with the ID.
func (w *world) place(table, id string) (name string) {
	w.t.Helper()
	err := w.conn.QueryRow(w.t.Context(), "SELECT CAST(CAST(tableoid AS regclass) AS text) FROM "+table+" WHERE id = $1", id).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return ""
	}
	require.NoError(w.t, err)
	return name
}

// strings returns the only column of a query.
func (w *world) strings(query string) []string {
	w.t.Helper()
	rows, err := w.conn.Query(w.t.Context(), query)
	require.NoError(w.t, err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	return all
}

const partitionsSQL = `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(deliveries|attempts|events)' ORDER BY 1`
