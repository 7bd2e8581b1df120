package postgres_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// TestSearchWithoutAnIndexIsBounded searches many deliveries for three by a filter that no index serves. A page ends before it has looked at
// all of them, and a walk by cursor finds the three.
func TestSearchWithoutAnIndexIsBounded(t *testing.T) {
	t.Parallel()
	const rows = 45_000
	rare := []int{rows - 10, rows / 2, 10} // newest first
	url := storetest.MigratedPostgres(t)
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 2}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close(t.Context())) }()

	copyDeliveries(t, opened, conn, rows, rare)
	var found []string
	filter := webhook.DeliveryFilter{OrganizationID: "org", ErrorCode: webhook.ErrorDNS}
	page := webhook.Page{Limit: 20}
	pages := 0
	for {
		list, err := opened.PageDeliveries(t.Context(), filter, page)
		require.NoError(t, err)
		pages++
		for _, item := range list.Items {
			found = append(found, item.ID)
		}
		if !list.HasMore {
			break
		}
		require.NotEmpty(t, list.Next, "a page that ends early has a cursor")
		page.After = list.Next
	}
	var want []string
	for _, n := range rare {
		want = append(want, copiedID("dlv", n))
	}
	assert.Equal(t, want, found)
	assert.GreaterOrEqual(t, pages, 3, "a page looks at 20,000 rows and a window at most")
}

// copiedID is the ID of the n-th copy. Copies are in the order of their IDs.
func copiedID(kind string, n int) string { return fmt.Sprintf("%s_01M8G%021d", kind, n) }

// copyDeliveries makes copies of one failed delivery. The last attempts of the rare ones failed to resolve a name.
func copyDeliveries(t *testing.T, s *store.Store, conn *pgx.Conn, rows int, rare []int) {
	t.Helper()
	past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	endpoint := webhook.NewEndpoint("org", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", past)
	require.NoError(t, s.CreateEndpoint(t.Context(), endpoint))
	event := webhook.NewEvent("org", webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, past)
	delivery := webhook.NewDelivery(event, endpoint, past)
	delivery.MaxRetries = 0
	require.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{delivery}))
	outcome, err := webhook.Policy{}.Decide(delivery, webhook.Result{StartedAt: past, ResponseStatus: 500}, past)
	require.NoError(t, err)
	_, err = s.RecordOutcome(t.Context(), outcome)
	require.NoError(t, err)

	_, err = conn.Exec(t.Context(), `INSERT INTO deliveries SELECT r.* FROM deliveries d, generate_series(1, $2) n,
		LATERAL jsonb_populate_record(d, jsonb_build_object('id', 'dlv_01M8G' || lpad(n::text, 21, '0'),
			'last_attempt_id', 'att_01M8G' || lpad(n::text, 21, '0'))) r WHERE d.id = $1`, delivery.ID, rows)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `INSERT INTO attempts SELECT r.* FROM attempts a, generate_series(1, $2) n,
		LATERAL jsonb_populate_record(a, jsonb_build_object('id', 'att_01M8G' || lpad(n::text, 21, '0'),
			'delivery_id', 'dlv_01M8G' || lpad(n::text, 21, '0'),
			'error_code', CASE WHEN n = ANY($3) THEN 'dns' ELSE 'http_status' END)) r WHERE a.id = $1`, outcome.Attempt.ID, rows, rare)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "ANALYZE")
	require.NoError(t, err)
}
