package slots_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"redrive/dispatcher-service/internal/slots"
)

// share returns how many slots each of so many endpoints gets if all of them request as many as possible.
func share(s *slots.Slots, endpoints int, degraded, recent bool) int {
	taken := make([]int, endpoints)
	before := s.Taken
	for more := true; more; {
		more = false
		for i := range taken {
			if taken[i] < s.Limit(degraded, recent) {
				s.Take(degraded)
				taken[i]++
				more = true
			}
		}
	}
	return s.Taken - before
}

func TestSharesOfManyEndpoints(t *testing.T) {
	t.Parallel()
	for endpoints, want := range map[int]int{1: 50, 10: 146, 1000: 175} {
		s := &slots.Slots{Workers: 200, PerEndpoint: 50}
		assert.InDelta(t, want, share(s, endpoints, false, false), 10, "%d endpoints", endpoints)
		assert.Positive(t, s.Limit(false, true), "an endpoint that has answered recently")
	}
	for endpoints, want := range map[int]int{1: 20, 10: 73, 1000: 100} {
		s := &slots.Slots{Workers: 200, PerEndpoint: 50}
		assert.InDelta(t, want, share(s, endpoints, true, false), 4, "%d degraded endpoints", endpoints)
		assert.Positive(t, s.Limit(false, false), "a healthy endpoint")
	}
}

func TestLimitStaysWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &slots.Slots{Workers: rapid.IntRange(1, 500).Draw(t, "workers"), PerEndpoint: rapid.IntRange(1, 100).Draw(t, "per endpoint")}
		var taken []bool
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			degraded, recent := rapid.Bool().Draw(t, "degraded"), rapid.Bool().Draw(t, "recent")
			limit := s.Limit(degraded, recent)
			assert.GreaterOrEqual(t, limit, 0)
			assert.LessOrEqual(t, limit, s.PerEndpoint)
			assert.LessOrEqual(t, s.Limit(true, recent), s.Limit(false, recent), "a degraded endpoint never gets more")
			switch {
			case limit > 0 && !s.Full():
				s.Take(degraded)
				taken = append(taken, degraded)
			case len(taken) > 0:
				s.Free(taken[0])
				taken = taken[1:]
			}
			assert.LessOrEqual(t, s.Degraded, max(1, s.Workers/2))
		}
		assert.Equal(t, len(taken), s.Taken)
	})
}
