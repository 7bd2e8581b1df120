package await_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/chaos/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errRefused = errors.New("refused")

func TestUntilChecksAgainAfterFalseAndErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := []struct {
			held bool
			err  error
		}{{false, nil}, {false, errRefused}, {true, errRefused}, {true, nil}}
		done := 0
		require.NoError(t, await.Until(t.Context(), time.Minute, func() (bool, error) {
			done++
			return checks[done-1].held, checks[done-1].err
		}))
		assert.Len(t, checks, done)
	})
}

func TestUntilPatienceEndsIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := await.Until(t.Context(), time.Minute, func() (bool, error) { return false, errRefused })
		require.ErrorIs(t, err, await.ErrPatience)
		require.ErrorIs(t, err, errRefused)
		assert.Equal(t, time.Minute, time.Since(began))
	})
}

func TestUntilInterruptedIsAnError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, await.Until(ctx, time.Hour, func() (bool, error) { return false, nil }), context.Canceled)
}
