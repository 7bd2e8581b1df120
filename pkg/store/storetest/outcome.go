package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func (w world) attempts(deliveryID string) []webhook.Attempt {
	w.t.Helper()
	return ListAttempts(w.t, w.store, org, deliveryID, webhook.Page{Limit: 100}).Items
}

// inWorld runs a test with a new world.
func inWorld(test func(*testing.T, world)) func(*testing.T, *store.Store) {
	return func(t *testing.T, s *store.Store) { test(t, newWorld(t, s)) }
}

func testOutcomeSuccess(t *testing.T, w world) {
	_, d := w.publish()
	now, outcome := w.attempt(d, 200)
	assert.Equal(t, outcome.Delivery, now)

	record := w.find(d.ID)
	assert.Equal(t, outcome.Delivery, record.Delivery)
	want := outcome.Attempt
	want.Number = 1
	assert.Equal(t, &want, record.LastAttempt)
	assert.Equal(t, []webhook.Attempt{want}, w.attempts(d.ID))
}

func testOutcomeFenced(t *testing.T, w world) {
	_, loaded := w.publish()
	late := w.decide(loaded, 500) // a worker is suspended after this decision

	current, first := w.attempt(loaded, 200)
	now, err := w.record(w.ctx, late)
	require.NoError(t, err)
	assert.Equal(t, current, now, "the late worker gets the present state")

	record := w.find(loaded.ID)
	assert.Equal(t, current, record.Delivery, "nothing was overwritten")
	assert.Equal(t, first.Attempt.ID, record.LastAttempt.ID)
	attempts := w.attempts(loaded.ID)
	require.Len(t, attempts, 2)
	assert.Equal(t, late.Attempt.ID, attempts[0].ID)
	assert.Equal(t, webhook.AttemptSuperseded, attempts[0].Outcome)
	assert.Equal(t, 2, attempts[0].Number)
	assert.Equal(t, webhook.ErrorHTTPStatus, attempts[0].ErrorCode)
	assert.True(t, attempts[0].NextRetryAt.IsZero(), "it scheduled nothing")
}

func testOutcomeTwice(t *testing.T, w world) {
	_, d := w.publish()
	current, outcome := w.attempt(d, 500)
	now, err := w.record(w.ctx, outcome) // the answer of the commit was lost
	require.NoError(t, err)
	assert.Equal(t, current, now)
	attempts := w.attempts(d.ID)
	require.Len(t, attempts, 1)
	assert.Equal(t, webhook.AttemptFailure, attempts[0].Outcome)

	next, _ := w.attempt(now, 200)
	assert.Equal(t, webhook.StatusSuccess, next.Status)
	assert.Equal(t, 2, w.attempts(d.ID)[0].Number, "numbers have no gaps")
}

func testOutcomeGone(t *testing.T, w world) {
	_, d := w.publish()
	stale := w.decide(d, 410)
	w.attempt(d, 500)
	_, err := w.record(w.ctx, stale)
	require.NoError(t, err)
	endpoint, err := w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointActive, endpoint.Status, "a superseded attempt decides nothing")

	_, d = w.publish()
	now, outcome := w.attempt(d, 410)
	assert.Equal(t, webhook.StatusFailure, now.Status)
	endpoint, err = w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointDisabled, endpoint.Status)
	assert.Equal(t, outcome.Delivery.UpdatedAt, endpoint.DisabledAt)
}

// testOutcomeGoneLate answers 410 to attempts that began before the endpoint was changed.
func testOutcomeGoneLate(t *testing.T, w world) {
	set := func(status webhook.EndpointStatus, at time.Time) webhook.Endpoint {
		endpoint, err := SetStatus(w.ctx, w.store, org, w.endpoint.ID, status, at)
		require.NoError(t, err)
		return endpoint
	}
	record := func(outcome webhook.Outcome) {
		now, err := w.record(w.ctx, outcome)
		require.NoError(t, err)
		assert.Equal(t, webhook.StatusFailure, now.Status, "the delivery ends all the same")
	}
	_, first := w.publish()
	_, second := w.publish()
	_, third := w.publish()

	stale := w.decide(first, 410)
	set(webhook.EndpointDisabled, start.Add(time.Hour))
	enabled := set(webhook.EndpointActive, start.Add(time.Hour+time.Microsecond))
	record(stale)
	found, err := w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	enabled.Health = found.Health // the attempt counts
	assert.Equal(t, enabled, found)

	stale = w.decide(second, 410)
	stale.EndpointUpdatedAt = enabled.UpdatedAt
	rotated, err := Rotate(w.ctx, w.store, org, w.endpoint.ID, "whsec_b", time.Hour, start.Add(2*time.Hour))
	require.NoError(t, err)
	record(stale)
	found, err = w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointActive, found.Status, "a new secret is a change")

	dispatch, err := w.store.LoadDispatch(w.ctx, third.ID)
	require.NoError(t, err)
	assert.Equal(t, rotated.UpdatedAt, dispatch.Endpoint.UpdatedAt)
	current := w.decide(third, 410)
	current.EndpointUpdatedAt = dispatch.Endpoint.UpdatedAt
	record(current)
	found, err = w.store.FindEndpoint(w.ctx, org, w.endpoint.ID)
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointDisabled, found.Status, "nothing has changed")
}

func testOutcomeHostileBytes(t *testing.T, w world) {
	_, d := w.publish()
	outcome := w.decide(d, 500)
	outcome.Attempt.ResponseBody = []byte("a\x00b\xff\xfe\r\n'\"; DROP TABLE attempts")
	outcome.Attempt.ResponseHeaders = map[string]string{"X-Odd": "\x00\x7f é"}
	outcome.Attempt.ResponseStatus = 999
	_, err := w.record(w.ctx, outcome)
	require.NoError(t, err)
	found := w.attempts(d.ID)[0]
	assert.Equal(t, outcome.Attempt.ResponseBody, found.ResponseBody)
	assert.Equal(t, outcome.Attempt.ResponseHeaders, found.ResponseHeaders)
}

func testOutcomeConcurrent(t *testing.T, w world) {
	_, d := w.publish()
	var group sync.WaitGroup
	for range 10 {
		outcome := w.decide(d, 500)
		group.Go(func() {
			_, err := w.record(w.ctx, outcome)
			assert.NoError(t, err)
		})
	}
	group.Wait()
	counted := map[webhook.AttemptOutcome]int{}
	numbers := map[int]bool{}
	for _, a := range w.attempts(d.ID) {
		counted[a.Outcome]++
		numbers[a.Number] = true
	}
	assert.Equal(t, map[webhook.AttemptOutcome]int{webhook.AttemptFailure: 1, webhook.AttemptSuperseded: 9}, counted)
	assert.Len(t, numbers, 10)
	assert.Equal(t, d.Revision+1, w.find(d.ID).Delivery.Revision)
}

func testFailWithoutAttempt(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, d := w.publish()
	d, _ = w.attempt(d, 500)
	failed, err := d.Failed(webhook.FailureEndpointDisabled, start.Add(time.Minute))
	require.NoError(t, err)
	now, err := s.FailDelivery(w.ctx, failed)
	require.NoError(t, err)
	assert.Equal(t, failed, now)
	record := w.find(d.ID)
	assert.Contains(t, record.ErrorMessage(), "endpoint_disabled")
	assert.Equal(t, 500, record.LastAttempt.ResponseStatus)

	retried, err := s.RetryDelivery(w.ctx, org, d.ID, start.Add(time.Hour))
	require.NoError(t, err)
	assert.Contains(t, retried.ErrorMessage(), "500", "the retry clears the reason")
	assert.Equal(t, webhook.ErrorHTTPStatus, retried.LastAttempt.ErrorCode)
	now, err = s.FailDelivery(w.ctx, failed)
	require.NoError(t, err)
	assert.Equal(t, retried.Delivery, now, "fenced too")
}

func testAttemptPages(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, d := w.publish()
	for range 4 {
		d, _ = w.attempt(d, 500)
	}
	list := ListAttempts(t, s, org, d.ID, webhook.Page{Limit: 2, Offset: 1})
	assert.True(t, list.HasMore)
	require.Len(t, list.Items, 2)
	assert.Equal(t, []int{3, 2}, []int{list.Items[0].Number, list.Items[1].Number}, "newest first")
	list = ListAttempts(t, s, org, d.ID, webhook.Page{Limit: 2, After: list.Next})
	assert.False(t, list.HasMore)
	require.Len(t, list.Items, 1)
	assert.Equal(t, 1, list.Items[0].Number)
	_, another := w.publish()
	foreign, _ := w.attempt(another, 500)
	assert.Empty(t, ListAttempts(t, s, org, d.ID, webhook.Page{Limit: 2, After: foreign.LastAttemptID}).Items, "a position of another list")
}
