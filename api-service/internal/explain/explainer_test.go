package explain

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rows is a store whose delivery may change between two reads.
type rows struct {
	reads   int
	change  int // how many of the first reads are out of date
	failure error
}

func (r *rows) FindExplained(context.Context, string, string) (webhook.Explained, error) {
	r.reads++
	explained := waitingFacts().Explained
	explained.Record.Delivery.Revision = int64(r.reads)
	return explained, r.failure
}

func (r *rows) FindRevision(context.Context, string, string) (int64, error) {
	if r.reads <= r.change {
		return int64(r.reads) + 1, r.failure
	}
	return int64(r.reads), r.failure
}

// answers is a Redis that gives one answer after the other, the last one for ever.
type answers struct {
	situations []queue.Situation
	reads      int
	failure    error
	hangs      bool
}

func (a *answers) ReadSituation(ctx context.Context, _ webhook.Delivery) (queue.Situation, error) {
	a.reads++
	if a.hangs { // the client ends the call later than its context
		<-ctx.Done()
		time.Sleep(time.Second)
		return queue.Situation{}, ctx.Err()
	}
	if a.failure != nil {
		return queue.Situation{}, a.failure
	}
	return a.situations[min(a.reads, len(a.situations))-1], nil
}

// explained explains in virtual time and returns how long it took.
func explained(t *testing.T, r *rows, a *answers) (e Explanation, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e, _, err = New(r, a, slog.New(slog.DiscardHandler)).Explain(t.Context(), "org_a", "dlv_1")
		took = time.Since(began)
		time.Sleep(2 * time.Second) // the client gives up
	})
	return e, took, err
}

func TestExplainRedisUnavailable(t *testing.T) {
	for name, a := range map[string]*answers{"refuses": {failure: errors.New("connection refused")}, "hangs": {hangs: true}} {
		e, took, err := explained(t, &rows{}, a)
		require.NoError(t, err)
		assert.Equal(t, QueueUnavailable, e.Code, name)
		assert.Equal(t, queue.PresenceUnknown, e.Task)
		assert.LessOrEqual(t, took, redisWait, name)
		assert.Equal(t, 1, a.reads)
	}
}

// Redis has just been emptied, and the dispatcher reports a moment later.
func TestExplainReadsAgainForDispatchers(t *testing.T) {
	live := []queue.DispatcherView{dispatcher(openCircuit())}
	a := &answers{situations: []queue.Situation{{Task: queue.PresenceAbsent}, {Task: queue.PresenceAbsent, Dispatchers: live}}}
	e, took, err := explained(t, &rows{}, a)
	require.NoError(t, err)
	assert.Equal(t, HeldCircuit, e.Code)
	assert.Equal(t, secondLook, took)

	a = &answers{situations: []queue.Situation{{Task: queue.PresencePending}}}
	e, _, err = explained(t, &rows{}, a)
	require.NoError(t, err)
	assert.Equal(t, NoDispatcher, e.Code)
	assert.Equal(t, 2, a.reads)
}

// A worker has taken or put off the task, and its dispatcher reports why a moment later.
func TestExplainReadsAgainForReport(t *testing.T) {
	asleep := queue.Situation{Task: queue.PresenceRetry, RunsAt: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	for code, c := range map[Code]struct {
		situation queue.Situation
		later     queue.DispatcherView
	}{
		Sending:     {queue.Situation{Task: queue.PresenceActive}, dispatcher(attemptingSince(ago(time.Second)))},
		HeldCircuit: {asleep, dispatcher(endpointState(queue.EndpointState{Circuit: queue.CircuitClosed, Probing: true}))},
		HeldRate:    {asleep, dispatcher(rateLimited())},
		Unknown:     {asleep, dispatcher()},
	} {
		first, second := c.situation, c.situation
		first.Dispatchers, second.Dispatchers = []queue.DispatcherView{dispatcher()}, []queue.DispatcherView{c.later}
		a := &answers{situations: []queue.Situation{first, second}}
		e, took, err := explained(t, &rows{}, a)
		require.NoError(t, err)
		assert.Equal(t, code, e.Code)
		assert.Equal(t, secondLook, took, code)
	}
}

func TestExplainReadsAgainAfterChange(t *testing.T) {
	for change, reads := range map[int]int{0: 1, 1: 2, 2: 3, 99: 3} {
		r, a := &rows{change: change}, &answers{situations: []queue.Situation{{Task: queue.PresencePending, Dispatchers: []queue.DispatcherView{dispatcher()}}}}
		e, took, err := explained(t, r, a)
		require.NoError(t, err)
		assert.Equal(t, Queued, e.Code)
		assert.Equal(t, reads, r.reads, change)
		assert.Zero(t, took)
	}
}

func TestExplainDatabaseErrors(t *testing.T) {
	_, _, err := explained(t, &rows{failure: webhook.NotFound("delivery", "dlv_1")}, &answers{})
	assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &answers{situations: []queue.Situation{{}}}
	_, _, err = New(&rows{}, a, slog.New(slog.DiscardHandler)).Explain(ctx, "org_a", "dlv_1")
	assert.True(t, err == nil || webhook.CodeOf(err) == webhook.CodeUnavailable, "%v", err)
}
