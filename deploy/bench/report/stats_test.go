package report_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/bench/report"
)

func TestMedian(t *testing.T) {
	for name, test := range map[string]struct {
		values []float64
		want   float64
	}{
		"one":              {[]float64{7}, 7},
		"odd, in disorder": {[]float64{9, 1, 5}, 5},
		"even":             {[]float64{1, 2, 10, 4}, 3},
	} {
		t.Run(name, func(t *testing.T) { assert.InDelta(t, test.want, report.Median(test.values), 1e-9) })
	}
	assert.True(t, math.IsNaN(report.Median(nil)))

	values := []float64{3, 1, 2}
	report.Median(values)
	assert.Equal(t, []float64{3, 1, 2}, values, "the samples keep the order of their rounds")
}

func TestPercentileIsOneThatWasMeasured(t *testing.T) {
	var hundred []time.Duration
	for i := 100; i > 0; i-- {
		hundred = append(hundred, time.Duration(i))
	}
	assert.EqualValues(t, 50, report.Percentile(hundred, 0.5))
	assert.EqualValues(t, 99, report.Percentile(hundred, 0.99))
	assert.EqualValues(t, 100, report.Percentile(hundred, 1))
	assert.EqualValues(t, 1, report.Percentile(hundred, 0))
	assert.EqualValues(t, 4, report.Percentile([]time.Duration{4}, 0.99))
	assert.Zero(t, report.Percentile(nil, 0.5))
}

func TestRates(t *testing.T) {
	assert.InDelta(t, 2000, report.Rate(3000, 1500*time.Millisecond), 1e-9)
	assert.InDelta(t, 1.5, report.Milliseconds(1500*time.Microsecond), 1e-9)
}
