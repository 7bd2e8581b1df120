package pacing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/dispatcher-service/internal/pacing/pacingtest"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestReserveSpacesRequests(t *testing.T) {
	t.Parallel()
	limit := PerSecond(100)
	require.Equal(t, Limit{Interval: 10 * time.Millisecond, Burst: 10}, limit)
	tat := time.Time{}
	for i := range 35 {
		next, turn := limit.Reserve(tat, start)
		require.Equal(t, Turn{Granted: true, Wait: max(0, time.Duration(i-9)*10*time.Millisecond)}, turn, i)
		tat = next
	}
	next, turn := limit.Reserve(tat, start)
	assert.Equal(t, Turn{Retry: 10 * time.Millisecond}, turn, "its turn is 260 ms ahead")
	assert.Equal(t, tat, next, "nothing is reserved")
	_, turn = limit.Reserve(tat, start.Add(turn.Retry))
	assert.Equal(t, Turn{Granted: true, Wait: Horizon}, turn)
}

// TestReserveKeepsRate checks requests at any times: those of each second are within the rate and the burst, and a turn is granted
// after Retry.
func TestReserveKeepsRate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.IntRange(1, 1000).Draw(t, "rate")
		limit, tat, now := PerSecond(perSecond), time.Time{}, start
		var sent []time.Duration
		for range rapid.IntRange(1, 300).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2_000_000/perSecond).Draw(t, "µs")) * time.Microsecond)
			next, turn := limit.Reserve(tat, now)
			if !turn.Granted {
				now = now.Add(turn.Retry)
				next, turn = limit.Reserve(tat, now)
				require.True(t, turn.Granted, "after Retry")
			}
			require.LessOrEqual(t, turn.Wait, Horizon)
			tat = next
			sent = append(sent, now.Add(turn.Wait).Sub(start))
		}
		assert.LessOrEqual(t, pacingtest.MaxPerSecond(sent), perSecond+limit.Burst)
	})
}
