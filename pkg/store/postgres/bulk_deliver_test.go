package postgres_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// A single call delivers an event, and has not committed when a job for the same endpoint reaches the event. The job makes no second delivery.
//
// Both count what they make in statistics_deltas. A lock of that table holds the call, and a job that does not wait for the call, after their
// reads and before their commits.
func TestBulkDeliverBesideSingleDelivery(t *testing.T) {
	t.Parallel()
	url := storetest.MigratedPostgres(t)
	opened := storetest.OpenPostgres(t, url)
	endpoint := newEndpoint(t, opened)
	event := webhook.NewEvent(endpoint.OrganizationID, webhook.EventSpec{Type: "a", Data: json.RawMessage(`{}`)}, webhook.Now().Add(-time.Minute))
	require.NoError(t, opened.CreateEvent(t.Context(), event, nil))
	job, err := opened.CreateBulkJob(t.Context(), webhook.BulkSpec{
		OrganizationID: endpoint.OrganizationID, Action: webhook.BulkDeliver, Filter: map[string]string{"eventType": "a"}, EndpointID: endpoint.ID,
	})
	require.NoError(t, err)
	step := func() {
		leased, err := opened.LeaseBulkJob(t.Context(), time.Minute)
		if assert.NoError(t, err) && leased != nil {
			_, err = opened.StepBulkJob(t.Context(), leased)
			assert.NoError(t, err)
		}
	}
	step() // counts

	conn := connect(t, url)
	held, err := connect(t, url).Begin(t.Context())
	require.NoError(t, err)
	_, err = held.Exec(t.Context(), "LOCK TABLE statistics_deltas IN EXCLUSIVE MODE")
	require.NoError(t, err)
	ended := make(chan struct{}, 2)
	go func() {
		assert.NoError(t, opened.CreateDelivery(t.Context(), webhook.NewRedelivery(event, endpoint, webhook.Now())))
		ended <- struct{}{}
	}()
	awaitLockWaiters(t, conn, 1)
	go func() {
		step()
		ended <- struct{}{}
	}()
	awaitLockWaiters(t, conn, 2)
	require.NoError(t, held.Rollback(t.Context()))
	<-ended
	<-ended
	step()

	var deliveries int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM deliveries WHERE event_id = $1", event.ID).Scan(&deliveries))
	assert.Equal(t, 1, deliveries)
	found, err := opened.FindBulkJob(t.Context(), endpoint.OrganizationID, job.ID)
	require.NoError(t, err)
	assert.Equal(t, map[string]int64{webhook.SkippedHasDelivery: 1}, found.Skipped)
}

// awaitLockWaiters waits until so many connections of the database wait for a lock.
func awaitLockWaiters(t *testing.T, conn *pgx.Conn, want int) {
	t.Helper()
	const waitersSQL = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	require.Eventually(t, func() bool {
		var waiting int
		err := conn.QueryRow(t.Context(), waitersSQL).Scan(&waiting)
		return assert.NoError(t, err) && waiting == want
	}, 30*time.Second, 5*time.Millisecond)
}
