package pacingtest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/dispatcher-service/internal/pacing/pacingtest"
)

func TestMaxPerSecondCountsDensestSecond(t *testing.T) {
	t.Parallel()
	for want, milliseconds := range map[int][]int{
		0: nil,
		1: {2000, 0, 1000},
		2: {0, 999, 1000},
		3: {1500, 0, 5000, 1000, 1999},
	} {
		var times []time.Duration
		for _, ms := range milliseconds {
			times = append(times, time.Duration(ms)*time.Millisecond)
		}
		assert.Equal(t, want, pacingtest.MaxPerSecond(times), "%v", milliseconds)
	}
}
