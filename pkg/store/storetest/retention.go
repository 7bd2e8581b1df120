package storetest

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// publishAt publishes at the given time.
func (w world) publishAt(at time.Time) webhook.Delivery {
	w.t.Helper()
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: json.RawMessage(`{}`)}, at)
	delivery := webhook.NewDelivery(event, w.endpoint, at)
	require.NoError(w.t, w.store.CreateEvent(w.ctx, event, []webhook.Delivery{delivery}))
	return delivery
}

// end records a success of the delivery at the given time.
func (w world) end(d webhook.Delivery, at time.Time) {
	w.t.Helper()
	outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: at, ResponseStatus: 200}, at)
	require.NoError(w.t, err)
	_, err = w.record(w.ctx, outcome)
	require.NoError(w.t, err)
}

func (w world) gone(id string) bool {
	w.t.Helper()
	_, err := w.store.FindDelivery(w.ctx, org, id)
	if err != nil {
		requireNotFound(w.t, err)
	}
	return err != nil
}

func testPurge(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	before := start.Add(30 * 24 * time.Hour)
	old := make([]webhook.Delivery, 5)
	for i := range old {
		old[i] = w.publishAt(start.Add(time.Duration(i) * time.Second))
		w.end(old[i], start.Add(time.Hour))
	}
	waiting := w.publishAt(start)
	lately := w.publishAt(start) // old, and it ended just now
	w.end(lately, before)
	fresh := w.publishAt(before)
	w.end(fresh, before)
	replayed := w.publishAt(start)
	w.end(replayed, start)
	replay := webhook.NewDelivery(webhook.Event{ID: replayed.EventID, OrganizationID: org}, w.endpoint, before)
	require.NoError(t, s.CreateDelivery(w.ctx, replay))

	var total store.Purged
	for more := true; more; more = total.After != "" {
		purged, err := s.PurgeDeliveries(w.ctx, before, total.After, 2)
		require.NoError(t, err)
		assert.LessOrEqual(t, purged.Deliveries, int64(2))
		total.Deliveries, total.Attempts, total.After = total.Deliveries+purged.Deliveries, total.Attempts+purged.Attempts, purged.After
	}
	assert.Equal(t, store.Purged{Deliveries: 6, Attempts: 6}, total)
	for more := true; more; more = total.After != "" {
		purged, err := s.PurgeEvents(w.ctx, before, total.After, 2)
		require.NoError(t, err)
		total.Events, total.After = total.Events+purged.Events, purged.After
	}
	assert.EqualValues(t, 5, total.Events)
	for _, d := range append(old, replayed) {
		assert.True(t, w.gone(d.ID))
		list, err := s.PageAttempts(w.ctx, org, d.ID, webhook.Page{Limit: 1})
		requireNotFound(t, err)
		assert.Empty(t, list.Items)
	}
	for _, d := range []webhook.Delivery{waiting, lately, fresh, replay} {
		assert.False(t, w.gone(d.ID))
	}

	requireNotFound(t, s.CreateDelivery(w.ctx, webhook.NewDelivery(webhook.Event{ID: old[0].EventID, OrganizationID: org}, w.endpoint, before)))
}

// testPurgeRaces purges twice concurrently while deliveries are replayed and retried. Each remaining delivery has its event.
func testPurgeRaces(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	before := start.Add(time.Hour)
	const count = 40
	var old []webhook.Delivery
	for range count {
		d := w.publishAt(start)
		w.end(d, start)
		old = append(old, d)
	}
	var group sync.WaitGroup
	var mutex sync.Mutex
	var replays []string
	var purged int64
	group.Go(func() {
		for _, d := range old {
			replay := webhook.NewDelivery(webhook.Event{ID: d.EventID, OrganizationID: org}, w.endpoint, before)
			if err := s.CreateDelivery(w.ctx, replay); err != nil {
				assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err), "%v", err)
				continue
			}
			mutex.Lock()
			replays = append(replays, replay.ID)
			mutex.Unlock()
		}
	})
	for range 2 {
		group.Go(func() {
			for range count {
				deliveries, err := s.PurgeDeliveries(w.ctx, before, "", 3)
				assert.NoError(t, err)
				_, err = s.PurgeEvents(w.ctx, before, "", 3)
				assert.NoError(t, err)
				mutex.Lock()
				purged += deliveries.Deliveries
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	assert.EqualValues(t, count, purged, "each once")
	for _, id := range replays {
		_, err := s.LoadDispatch(w.ctx, id)
		assert.NoError(t, err)
	}
}
