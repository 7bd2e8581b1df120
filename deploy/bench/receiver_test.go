package bench

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newReceiver(t *testing.T) (*receiver, *poster) {
	t.Helper()
	r, err := startReceiver()
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, r.stop(context.Background()))
	})
	return r, &poster{url: r.url(pathOK), http: &http.Client{Transport: transport}}
}

func TestReceiverNotesTheFirstArrival(t *testing.T) {
	r, p := newReceiver(t)
	r.expect(2)
	require.NoError(t, p.post(t.Context(), "a", nil))
	first, arrived := r.arrival("a")
	require.True(t, arrived)
	require.NoError(t, p.post(t.Context(), "a", nil))
	again, _ := r.arrival("a")
	assert.Equal(t, first, again)
	assert.Equal(t, first, r.first())
	assert.Equal(t, 1, r.count(), "one that is repeated does not count")
	_, arrived = r.arrival("b")
	assert.False(t, arrived)

	require.ErrorContains(t, r.await(t.Context(), time.Millisecond), "1 of 2 webhooks")
	require.NoError(t, p.post(t.Context(), "b", nil))
	require.NoError(t, r.await(t.Context(), time.Minute))

	r.expect(1)
	assert.Zero(t, r.count())
}

func TestReceiverFailsUntilItIsHealed(t *testing.T) {
	r, p := newReceiver(t)
	p.url = r.url(pathFlaky)
	r.failing.Store(true)
	require.ErrorContains(t, p.post(t.Context(), "a", nil), "500")
	r.failing.Store(false)
	require.NoError(t, p.post(t.Context(), "a", nil))
}

func TestReceiverHangsUntilTheSenderGivesUp(t *testing.T) {
	r, p := newReceiver(t)
	p.url = r.url(pathHang)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.post(ctx, "a", nil) }()
	require.Eventually(t, func() bool { return r.hanging.Load() == 1 }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Eventually(t, func() bool { return r.hanging.Load() == 0 }, time.Minute, time.Millisecond)
	assert.Zero(t, r.count(), "what hangs is no arrival")
}

func TestLatencies(t *testing.T) {
	r := &receiver{}
	r.expect(3)
	began := time.Now()
	r.note("late", began.Add(40*time.Millisecond))
	r.note("early", began.Add(1*time.Millisecond))
	m := latenciesOf(r, []publishedEvent{
		{"late", began, began.Add(10 * time.Millisecond)},
		{"early", began, began.Add(2 * time.Millisecond)},
		{"lost", began, began.Add(1 * time.Second)},
	}, time.Minute)
	assert.Equal(t, []time.Duration{30 * time.Millisecond, 0, time.Minute}, m.fromAccepted)
	assert.Equal(t, []time.Duration{40 * time.Millisecond, time.Millisecond, time.Minute + time.Second}, m.fromDue)
	assert.Equal(t, 1, m.lost)
}
