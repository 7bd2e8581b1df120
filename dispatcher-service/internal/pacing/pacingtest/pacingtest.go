// Package pacingtest measures the rate of requests in tests.
package pacingtest

import (
	"slices"
	"time"
)

// MaxPerSecond returns the largest number of times within one second. It sorts the times.
func MaxPerSecond(times []time.Duration) (count int) {
	slices.Sort(times)
	for i, first := 0, 0; i < len(times); i++ {
		for times[i]-times[first] >= time.Second {
			first++
		}
		count = max(count, i-first+1)
	}
	return count
}
