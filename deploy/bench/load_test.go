package bench

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClosedLoopDoesEachOnce(t *testing.T) {
	const connections, count = 4, 100
	done := make([]atomic.Int32, count)
	var under, most atomic.Int32
	tally, err := closedLoop(t.Context(), connections, count, func(_ context.Context, _, i int) error {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		done[i].Add(1)
		return nil
	})
	require.NoError(t, err)
	for i := range done {
		assert.EqualValues(t, 1, done[i].Load())
	}
	assert.LessOrEqual(t, most.Load(), int32(connections))
	assert.Equal(t, count, tally.count)
	assert.Len(t, tally.latencies, count)
	assert.Positive(t, tally.rate())
}

var errRefused = errors.New("refused")

func TestClosedLoopEndsWithTheFirstError(t *testing.T) {
	var sent atomic.Int32
	_, err := closedLoop(t.Context(), 2, 1_000_000, func(ctx context.Context, _, i int) error {
		sent.Add(1)
		if i == 10 {
			return errRefused
		}
		return ctx.Err()
	})
	require.ErrorIs(t, err, errRefused)
	assert.Less(t, sent.Load(), int32(1_000_000))
}

// TestOpenLoopSendsWithoutAnswers blocks every request until the last one has been sent. A loop that waited for an answer would never send the
// last one.
func TestOpenLoopSendsWithoutAnswers(t *testing.T) {
	const rate, count = 1000, 50
	var sent atomic.Int32
	all := make(chan struct{})
	var first, last atomic.Int64
	err := openLoop(t.Context(), rate, count*time.Second/rate, func(_ context.Context, i int, due time.Time) error {
		switch i {
		case 0:
			first.Store(due.UnixNano())
		case count - 1:
			last.Store(due.UnixNano())
		}
		if sent.Add(1) == count {
			close(all)
		}
		<-all
		return nil
	})
	require.NoError(t, err)
	assert.EqualValues(t, count, sent.Load())
	assert.Equal(t, count, openCount(rate, count*time.Second/rate))
	assert.Equal(t, (count-1)*time.Second/rate, time.Duration(last.Load()-first.Load()), "what is due does not depend on what was slow")
}

func TestOpenLoopReturnsAnError(t *testing.T) {
	err := openLoop(t.Context(), 1000, 20*time.Millisecond, func(context.Context, int, time.Time) error { return errRefused })
	require.ErrorIs(t, err, errRefused)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = openLoop(ctx, 1, time.Hour, func(context.Context, int, time.Time) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}
