package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// health returns the health of the world's endpoint.
func (w world) health() webhook.Health {
	w.t.Helper()
	endpoint, err := w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(w.t, err)
	return endpoint.Health
}

// answer publishes an event and records one attempt of its delivery, which ends at a time.
func (w world) answer(status int, at time.Time) webhook.Delivery {
	w.t.Helper()
	_, d := w.publish()
	current, err := w.record(w.ctx, w.decideAt(d, status, at))
	require.NoError(w.t, err)
	return current
}

func testHealthCounted(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	assert.Equal(t, webhook.Health{}, w.health(), "nothing was tried")
	at := start.Add(time.Minute)
	w.answer(200, at)
	assert.Equal(t, webhook.Health{LastSuccessAt: at}, w.health())

	for i := range 3 {
		w.answer(500, at.Add(time.Duration(i+1)*time.Second))
	}
	failing := webhook.Health{
		LastSuccessAt: at, ConsecutiveFailures: 3, FailingSince: at.Add(time.Second), LastFailureAt: at.Add(3 * time.Second),
		LastError: "the receiver answered 500 Internal Server Error",
	}
	assert.Equal(t, failing, w.health())
	w.answer(204, at.Add(4*time.Second))
	assert.Equal(t, webhook.Health{LastSuccessAt: at.Add(4 * time.Second)}, w.health(), "a success that ends failures is written at once")
}

// testHealthNotCounted makes attempts that say nothing about the endpoint.
func testHealthNotCounted(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	at := start.Add(time.Minute)
	for _, status := range []int{500, 200} {
		trial := w.publishTest()
		_, err := w.record(w.ctx, w.decideAt(trial, status, at))
		require.NoError(t, err)
	}
	assert.Equal(t, webhook.Health{}, w.health(), "tests do not count")

	_, d := w.publish()
	late := w.decideAt(d, 500, at)
	w.attempt(d, 200)
	_, err := w.record(w.ctx, late)
	require.NoError(t, err)
	assert.Zero(t, w.health().ConsecutiveFailures, "a superseded attempt does not count")

	failed := w.failed()
	before := w.health()
	require.EqualValues(t, 1, before.ConsecutiveFailures)
	retried, err := s.RetryDelivery(w.ctx, org, failed.ID, at)
	require.NoError(t, err)
	require.True(t, retried.Delivery.Requeued)
	loaded, err := s.LoadDispatch(w.ctx, failed.ID)
	require.NoError(t, err)
	require.True(t, loaded.Delivery.Requeued)
	outcome := w.decideAt(loaded.Delivery, 500, at)
	current, err := w.record(w.ctx, outcome)
	require.NoError(t, err)
	assert.Equal(t, before, w.health(), "a retry by hand that fails does not count")
	_, err = w.record(w.ctx, w.decideAt(current, 200, at.Add(time.Second)))
	require.NoError(t, err)
	assert.Equal(t, webhook.Health{LastSuccessAt: at.Add(time.Second)}, w.health(), "one that succeeds does")
}

func testHealthReset(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	success := start.Add(time.Minute)
	w.answer(200, success)
	at := success
	for name, c := range map[string]struct {
		change webhook.EndpointChange
		resets bool
	}{
		"enable":      {webhook.Enabling("key_x", start), true},
		"resume":      {webhook.Resuming("key_x", start), true},
		"url":         {patching(webhook.EndpointPatch{URL: webhook.Patched[string]{Present: true, Value: "https://example.com/new"}}), true},
		"same url":    {patching(webhook.EndpointPatch{URL: webhook.Patched[string]{Present: true, Value: "https://example.com/new"}}), false},
		"description": {patching(webhook.EndpointPatch{Description: webhook.Patched[string]{Present: true, Value: "d"}}), false},
		"pause":       {webhook.Pausing("key_x", start), false},
		"disable":     {webhook.Disabling("key_x", webhook.DisabledManually, start), false},
	} {
		w.change(patching(webhook.EndpointPatch{URL: webhook.Patched[string]{Present: true, Value: "https://example.com/new"}}))
		if name == "url" {
			w.change(patching(webhook.EndpointPatch{URL: webhook.Patched[string]{Present: true, Value: "https://example.com/old"}}))
		}
		at = at.Add(time.Second)
		w.answer(500, at)
		before := w.health()
		changed := w.change(c.change)
		assert.Equal(t, w.health(), changed.Health, "%s: the answer shows it", name)
		if c.resets {
			assert.Equal(t, webhook.Health{LastSuccessAt: success}, w.health(), name)
		} else {
			assert.Equal(t, before, w.health(), name)
		}
	}
}

func patching(p webhook.EndpointPatch) webhook.EndpointChange { return p.Change("key_x", start) }

func testHealthSuccessNoted(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	at := start.Add(time.Minute)
	w.answer(200, at)
	w.answer(200, at.Add(webhook.SuccessNoted-time.Microsecond))
	assert.Equal(t, at, w.health().LastSuccessAt, "it need not be exact")
	w.answer(200, at.Add(webhook.SuccessNoted))
	assert.Equal(t, at.Add(webhook.SuccessNoted), w.health().LastSuccessAt)
}

// testHealthTogether compares outcomes that are recorded together with the same outcomes one by one, and with the domain.
func testHealthTogether(t *testing.T, s *store.Store) {
	together, alone := newWorld(t, s), newWorld(t, s)
	random := rand.New(rand.NewPCG(1, 2))
	var want webhook.Health
	at := start.Add(time.Minute)
	for round := range 30 {
		var batch []webhook.Outcome
		for range 1 + random.IntN(6) {
			at = at.Add(time.Duration(1+random.IntN(3_000_000)) * time.Microsecond)
			status := []int{200, 500, 503}[random.IntN(3)]
			_, first := together.publish()
			_, second := alone.publish()
			requeued := random.IntN(4) == 0
			first.Requeued, second.Requeued = requeued, requeued
			outcome := together.decideAt(first, status, at)
			want = want.After(outcome)
			batch = append(batch, outcome)
			_, err := s.RecordOutcome(t.Context(), alone.decideAt(second, status, at))
			require.NoError(t, err)
		}
		_, errs := s.RecordOutcomes(t.Context(), batch)
		require.Equal(t, make([]error, len(batch)), errs)
		assertHealth(t, want, together.health(), round)
		assertHealth(t, want, alone.health(), round)
	}
}

// assertHealth compares two healths. The success may be noted late.
func assertHealth(t *testing.T, want, got webhook.Health, round int) {
	t.Helper()
	if want.ConsecutiveFailures == 0 || want.LastSuccessAt.Sub(got.LastSuccessAt) < webhook.SuccessNoted {
		assert.WithinDuration(t, want.LastSuccessAt, got.LastSuccessAt, webhook.SuccessNoted, "round %d", round)
		got.LastSuccessAt = want.LastSuccessAt
	}
	assert.Equal(t, want, got, "round %d", round)
}

// testHealthConcurrent records outcomes of the same endpoints by several processes, which name the endpoints in different orders.
func testHealthConcurrent(t *testing.T, s *store.Store) {
	const processes, rounds = 4, 10
	worlds := make([]world, 5)
	for i := range worlds {
		worlds[i] = newWorld(t, s)
	}
	var group sync.WaitGroup
	for process := range processes {
		random := rand.New(rand.NewPCG(uint64(process), 7))
		batches := make([][]webhook.Outcome, rounds)
		for round := range batches {
			for _, i := range random.Perm(len(worlds)) {
				_, d := worlds[i].publish()
				batches[round] = append(batches[round], worlds[i].decideAt(d, 500, start.Add(time.Duration(round+1)*time.Second)))
			}
		}
		group.Go(func() {
			for _, batch := range batches {
				_, errs := s.RecordOutcomes(t.Context(), batch)
				assert.Equal(t, make([]error, len(batch)), errs)
			}
		})
	}
	group.Wait()
	for i, w := range worlds {
		health := w.health()
		assert.EqualValues(t, processes*rounds, health.ConsecutiveFailures, "endpoint %d", i)
		assert.Equal(t, start.Add(time.Second), health.FailingSince)
		assert.Equal(t, start.Add(rounds*time.Second), health.LastFailureAt)
	}
}

func testHealthFilters(t *testing.T, s *store.Store) {
	healthy, failing, deleted := newWorld(t, s), newWorld(t, s), newWorld(t, s)
	healthy.answer(200, start.Add(time.Minute))
	failing.answer(500, start.Add(time.Minute))
	deleted.answer(500, start.Add(time.Minute))
	deleted.change(webhook.Deleting("key_x", start.Add(time.Hour)))
	for _, id := range []string{org, other} {
		put(t, s, id)
	}
	list := func() []string {
		page, err := s.ListEndpoints(t.Context(), webhook.EndpointFilter{OrganizationID: org, Failing: true}, webhook.Page{Limit: 10})
		require.NoError(t, err)
		ids := []string{}
		for _, e := range page.Items {
			assert.Equal(t, start.Add(time.Minute), e.Health.FailingSince)
			ids = append(ids, e.ID)
		}
		return ids
	}
	organizations := func() string {
		page, err := s.ListOrganizations(t.Context(), "", true, webhook.Page{Limit: 10})
		require.NoError(t, err)
		ids := []string{}
		for _, o := range page.Items {
			ids = append(ids, o.ID)
		}
		return fmt.Sprint(ids)
	}
	assert.Equal(t, []string{failing.endpoint.ID}, list())
	assert.Equal(t, fmt.Sprint([]string{org}), organizations())
	assert.Equal(t, 1, usageOf(t, s, org).FailingEndpoints)
	failing.change(webhook.Disabling("key_x", webhook.DisabledManually, start))
	assert.Equal(t, []string{failing.endpoint.ID}, list(), "it is failing while it is disabled")

	unhealthy, err := s.CountUnhealthy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, store.Unhealthy{Disabled: map[webhook.DisabledReason]int64{webhook.DisabledManually: 1}}, unhealthy, "it counts as disabled")
	failing.change(webhook.Enabling("key_x", start))
	failing.answer(500, start.Add(time.Minute))
	unhealthy, err = s.CountUnhealthy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, store.Unhealthy{Failing: 1, Disabled: map[webhook.DisabledReason]int64{}}, unhealthy)

	failing.answer(200, start.Add(time.Hour))
	assert.Empty(t, list())
	assert.Equal(t, "[]", organizations())
	assert.Zero(t, usageOf(t, s, org).FailingEndpoints)
}
