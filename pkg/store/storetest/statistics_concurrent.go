package storetest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// busy publishes an event and records its attempt, rounds times, and returns what it has done.
func busy(t *testing.T, s *store.Store, endpoint webhook.Endpoint, eventType string, rounds int) (m countModel) {
	t.Helper()
	for i := range rounds {
		at := statisticsDay.Add(time.Duration(i%30) * time.Hour)
		event := webhook.NewEvent(org, webhook.EventSpec{Type: eventType, Data: []byte(`{}`)}, at)
		d := webhook.NewDelivery(event, endpoint, at)
		if !assert.NoError(t, s.CreateEvent(t.Context(), event, []webhook.Delivery{d})) {
			return m
		}
		m.add(endpoint.ID, eventType, at, webhook.Counts{Events: 1, Created: 1})
		outcome, err := webhook.Policy{}.Decide(d, webhook.Result{StartedAt: at, ResponseStatus: 200}, at)
		assert.NoError(t, err)
		outcome.EventType = eventType
		if _, err = s.RecordOutcome(t.Context(), outcome); !assert.NoError(t, err) {
			return m
		}
		counts := webhook.Counts{Attempts: 1, Succeeded: 1}
		counts.Durations.Add(0)
		m.add(endpoint.ID, eventType, at, counts)
	}
	return m
}

// worksBeside runs writers, and mergers beside them until the writers have ended. It returns what the writers have done.
func worksBeside(t *testing.T, w *statisticsWorld, merger func(ctx context.Context)) *countModel {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers, mergers sync.WaitGroup
	models := make([]countModel, len(w.endpoints))
	for i, endpoint := range w.endpoints {
		writers.Go(func() { models[i] = busy(t, w.store, endpoint, w.types[i%len(w.types)], 20) })
	}
	for range 2 {
		mergers.Go(func() { merger(ctx) })
	}
	writers.Wait()
	stop()
	mergers.Wait()
	all := &countModel{}
	for _, m := range models {
		all.happened = append(all.happened, m.happened...)
	}
	for i := range all.happened { // events are not of an endpoint
		if h := &all.happened[i]; h.counts.Events > 0 {
			all.add("", h.eventType, h.at, webhook.Counts{Events: 1})
			all.happened[i].counts.Events = 0
		}
	}
	return all
}

// testStatisticsConcurrent merges by two processes while others publish and record.
func testStatisticsConcurrent(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 1)
	done := worksBeside(t, w, func(ctx context.Context) {
		for ctx.Err() == nil {
			if err := mergeAll(ctx, s, 5); err != nil && ctx.Err() == nil {
				assert.NoError(t, err)
			}
		}
	})
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
	merge(t, s, 7)
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
}

// testStatisticsInterrupted ends the transactions of merges at any moment.
func testStatisticsInterrupted(t *testing.T, s *store.Store) {
	w := newStatisticsWorld(t, s, 2)
	done := worksBeside(t, w, func(ctx context.Context) {
		for interrupted := 0; ctx.Err() == nil && interrupted < 15; { // each may cost a connection
			short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(8000))*time.Microsecond)
			if mergeAll(short, s, 20) != nil {
				interrupted++
			}
			cancel()
		}
	})
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
	merge(t, s, 1000)
	equalStatistics(t, s, done, w.endpointIDs(), w.types)
}
