package lifecycle

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBackgroundStopWaitsForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b Background
		require.NoError(t, b.Stop(t.Context()), "before Start")
		ended := false
		b.Start(func(ctx context.Context) {
			<-ctx.Done()
			time.Sleep(2 * time.Second)
			ended = true
		})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, b.Stop(short), context.DeadlineExceeded)
		require.NoError(t, b.Stop(t.Context()))
		assert.True(t, ended)
		require.NoError(t, b.Stop(t.Context()), "again")
	})
}

func TestSleepEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		require.NoError(t, Sleep(t.Context(), time.Minute))
		assert.Equal(t, time.Minute, time.Since(began))
		require.NoError(t, Sleep(t.Context(), -time.Minute))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, Sleep(ctx, time.Minute), context.DeadlineExceeded)
		require.Error(t, Sleep(ctx, 0))
		assert.Equal(t, time.Minute+time.Second, time.Since(began))
	})
}
