package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"

	"redrive/dispatcher-service/internal/deliver"
)

func TestIsFailure(t *testing.T) {
	at := time.Now()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"retry":      {answer(deliver.Verdict{Kind: deliver.KindRetry, At: at}), true},
		"snooze":     {answer(deliver.Snooze(at, "not due")), false},
		"wrapped":    {fmt.Errorf("wrapped: %w", answer(deliver.Snooze(at, "not due"))), false},
		"dead":       {answer(deliver.Verdict{Kind: deliver.KindDead, Reason: "410"}), true},
		"lost lease": {asynq.ErrLeaseExpired, false},
		"cancelled":  {context.Canceled, false},
		"our fault":  {errors.New("the database is away"), false},
	} {
		assert.Equal(t, c.want, isFailure(c.err), name)
	}
	assert.NoError(t, answer(deliver.Done()))
	assert.ErrorIs(t, answer(deliver.Verdict{Kind: deliver.KindDead, Reason: "410"}), asynq.SkipRetry)
}

// asynq adds the delay to its own time, and truncates the sum to whole seconds.
func TestRetryDelay(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Nanosecond, time.Millisecond, 500 * time.Millisecond, 999999 * time.Microsecond} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(ahead) // the bubble's clock starts at a whole second
			for _, seconds := range []int{1, 2, 5, 300, 86400} {
				at := time.Now().Truncate(time.Second).Add(time.Duration(seconds) * time.Second)
				delay := retryDelay(0, &later{at: at}, nil)
				assert.Equal(t, at.Unix(), time.Now().Add(delay).Unix(), "%v after a second, %d s ahead", ahead, seconds)
				assert.Zero(t, delay%time.Second)
			}
			assert.Zero(t, retryDelay(0, &later{at: time.Now().Add(-time.Hour)}, nil), "overdue")
			assert.Zero(t, retryDelay(0, &later{}, nil), "no time at all")
		})
	}
}

func TestRetryDelayAfterOurFault(t *testing.T) {
	different := map[time.Duration]bool{}
	for _, err := range []error{errors.New("the database is away"), asynq.ErrLeaseExpired, context.DeadlineExceeded} {
		for range 100 {
			delay := retryDelay(9, err, nil)
			assert.GreaterOrEqual(t, delay, time.Second)
			assert.Less(t, delay, 5*time.Second)
			different[delay] = true
		}
	}
	assert.Greater(t, len(different), 100, "not all at once")
}
