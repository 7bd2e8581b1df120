package retention_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/retention"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testmetrics"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

func newPurger(s retention.Store, keep time.Duration) (*retention.Purger, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	return retention.New(s, retention.Options{Keep: keep, Log: slog.New(slog.DiscardHandler)}, registry), registry
}

// Several batches of old deliveries are deleted from a real database, and nothing else.
func TestRunDeletesOldRowsOnly(t *testing.T) {
	t.Parallel()
	opened := storetest.NewPostgres(t)
	long := webhook.Now().Add(-48 * time.Hour)
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", long)
	event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, long)
	old := make([]webhook.Delivery, 1_200)
	for i := range old {
		old[i] = webhook.NewDelivery(event, endpoint, long)
		old[i].Status, old[i].NextRetryAt = webhook.StatusFailure, time.Time{}
	}
	waiting := webhook.NewDelivery(event, endpoint, long)
	require.NoError(t, opened.CreateEvent(t.Context(), event, append(old, waiting)))
	lonely := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, long)
	require.NoError(t, opened.CreateEvent(t.Context(), lonely, nil))

	purger, registry := newPurger(opened, 24*time.Hour)
	require.NoError(t, purger.Run(t.Context()))
	assert.Equal(t, 1_200.0, testmetrics.Sum(t, registry, "redrive_purged_total", "delivery"))
	assert.Equal(t, 1.0, testmetrics.Sum(t, registry, "redrive_purged_total", "event"))
	list, err := opened.PageDeliveries(t.Context(), webhook.DeliveryFilter{OrganizationID: "org_a"}, webhook.Page{Limit: 2})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	assert.Equal(t, waiting.ID, list.Items[0].ID)
	require.NoError(t, purger.Run(t.Context()), "again")
	assert.Equal(t, 1_200.0, testmetrics.Sum(t, registry, "redrive_purged_total", "delivery"))
}

// slow is a Store whose batches take a second each. It records when it was called.
type slow struct {
	mutex   sync.Mutex
	batches int
	keys    int // full batches of idempotency keys

	statisticsAsked []time.Time

	sessionsAsked []time.Time

	keysAsked []time.Time
	asked     []time.Time
	err       error
}

// PurgeConsoleSessions has a full batch of sessions.
func (s *slow) PurgeConsoleSessions(_ context.Context, before time.Time, limit int) (int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sessionsAsked = append(s.sessionsAsked, before)
	if len(s.sessionsAsked) == 1 {
		return int64(limit), s.err
	}
	return 0, s.err
}

func (*slow) MakePartitions(context.Context, time.Time) (store.PartitionLayout, []string, error) {
	return store.PartitionLayout{}, nil, nil
}

func (*slow) DropMonths(context.Context, time.Time) ([]store.DroppedMonth, error) { return nil, nil }

func (*slow) PurgeBulkJobs(context.Context, time.Time, int) (int64, error) { return 0, nil }

func (*slow) PurgeEndpointChanges(context.Context, time.Time, int, int) (int64, error) { return 0, nil }

// PurgeStatistics has statistics for two batches.
func (s *slow) PurgeStatistics(_ context.Context, now time.Time, _ int) (int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.statisticsAsked = append(s.statisticsAsked, now)
	if len(s.statisticsAsked)%3 == 0 {
		return 0, s.err
	}
	return 10, s.err
}

func (s *slow) PurgeDeliveries(context.Context, time.Time, string, int) (store.Purged, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked = append(s.asked, time.Now())
	time.Sleep(time.Second) // the bubble's clock
	purged := store.Purged{Deliveries: 500}
	if len(s.asked)%s.batches != 0 {
		purged.After = fmt.Sprint(len(s.asked))
	}
	return purged, s.err
}

func (s *slow) PurgeEvents(context.Context, time.Time, string, int) (store.Purged, error) {
	return store.Purged{}, nil
}

func (s *slow) PurgeEndpoints(context.Context, time.Time, string, int) (store.Purged, error) {
	return store.Purged{Endpoints: 7}, nil
}

// PurgeIdempotencyKeys has keys full batches of keys.
func (s *slow) PurgeIdempotencyKeys(_ context.Context, before time.Time, limit int) (int64, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.keysAsked = append(s.keysAsked, before)
	if len(s.keysAsked) <= s.keys {
		return int64(limit), s.err
	}
	return 0, s.err
}

func TestRunDeletesExpiredKeysWithoutRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 1, keys: 2}
		purger, registry := newPurger(database, 0)
		require.NoError(t, purger.Run(t.Context()))
		assert.Empty(t, database.asked, "deliveries are kept for ever")
		assert.Len(t, database.keysAsked, 3)
		assert.WithinDuration(t, time.Now().Add(-24*time.Hour), database.keysAsked[0], time.Microsecond)
		assert.Equal(t, 1000.0, testmetrics.Sum(t, registry, "redrive_purged_total", "idempotency_key"))
	})
}

func TestRunDeletesOldConsoleSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 1}
		purger, registry := newPurger(database, 0)
		require.NoError(t, purger.Run(t.Context()))
		require.Len(t, database.sessionsAsked, 2, "until a batch is not full")
		assert.WithinDuration(t, time.Now().Add(-30*24*time.Hour), database.sessionsAsked[0], time.Microsecond)
		assert.Equal(t, 500.0, testmetrics.Sum(t, registry, "redrive_purged_total", "console_session"))
	})
}

func TestRunPurgesStatisticsWithoutRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 1}
		purger, registry := newPurger(database, 0)
		require.NoError(t, purger.Run(t.Context()))
		require.Len(t, database.statisticsAsked, 3, "until a batch finds nothing")
		assert.Equal(t, webhook.Now(), database.statisticsAsked[0])
		assert.Equal(t, 20.0, testmetrics.Sum(t, registry, "redrive_purged_total", "statistics"))
	})
}

func TestRunPausesBetweenBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 3}
		purger, registry := newPurger(database, time.Hour)
		begin := time.Now()
		require.NoError(t, purger.Run(t.Context()))
		assert.Equal(t, 5*time.Second, time.Since(begin), "three batches and two rests")
		assert.Equal(t, 1500.0, testmetrics.Sum(t, registry, "redrive_purged_total", "delivery"))
		assert.Equal(t, 7.0, testmetrics.Sum(t, registry, "redrive_purged_total", "endpoint"))
	})
}

// A purge runs every hour, also after an error. Stop ends the wait between purges.
func TestStartStoreFailsRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 1, err: errors.New("unavailable")}
		purger, _ := newPurger(database, time.Hour)
		require.NoError(t, purger.Stop(t.Context()), "before Start")
		purger.Start()
		time.Sleep(4 * time.Hour)
		require.NoError(t, purger.Stop(t.Context()))
		require.NoError(t, purger.Stop(t.Context()))
		assert.GreaterOrEqual(t, len(database.asked), 3)
	})
}

func TestStartKeepZeroNeverPurgesDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := &slow{batches: 1}
		purger, _ := newPurger(database, 0)
		purger.Start()
		time.Sleep(48 * time.Hour)
		assert.Empty(t, database.asked)
		require.NoError(t, purger.Stop(t.Context()))
	})
}
