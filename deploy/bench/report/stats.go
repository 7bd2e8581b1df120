package report

import (
	"math"
	"slices"
	"time"
)

// Median returns the middle of the values, or the mean of the two in the middle. Without values it is NaN.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Percentile returns the smallest of the durations that at least this share of them, between 0 and 1, does not exceed (the nearest rank).
// Without durations it is 0.
func Percentile(durations []time.Duration, share float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	rank := int(math.Ceil(share * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Milliseconds returns a duration as a number, for a sample.
func Milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

// Rate returns the number per second.
func Rate(count int, elapsed time.Duration) float64 { return float64(count) / elapsed.Seconds() }
