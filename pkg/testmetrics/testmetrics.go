// Package testmetrics reads the values of counters and gauges in tests.
package testmetrics

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

// Values returns the value of every counter and gauge. A key is the metric's name followed by the values of its labels, separated by
// spaces. The labels are sorted by name.
func Values(t testing.TB, gatherer prometheus.Gatherer) map[string]float64 {
	t.Helper()
	values := map[string]float64{}
	for _, family := range gather(t, gatherer) {
		for _, metric := range family.GetMetric() {
			key := family.GetName()
			for _, label := range metric.GetLabel() {
				key += " " + label.GetValue()
			}
			values[key] = value(metric)
		}
	}
	return values
}

// Sum returns the sum of a counter or gauge over all series that have each of the label values. It fails the test if the metric has no
// series at all, so that a misspelt name is not read as 0.
func Sum(t testing.TB, gatherer prometheus.Gatherer, name string, labelValues ...string) (sum float64) {
	t.Helper()
	families := gather(t, gatherer)
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	require.GreaterOrEqual(t, i, 0, "no metric %s", name)
	for _, metric := range families[i].GetMetric() {
		if hasAll(metric, labelValues) {
			sum += value(metric)
		}
	}
	return sum
}

func gather(t testing.TB, gatherer prometheus.Gatherer) []*dto.MetricFamily {
	t.Helper()
	families, err := gatherer.Gather()
	require.NoError(t, err)
	return families
}

func value(metric *dto.Metric) float64 {
	return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
}

func hasAll(metric *dto.Metric, labelValues []string) bool {
	for _, want := range labelValues {
		if !slices.ContainsFunc(metric.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == want }) {
			return false
		}
	}
	return true
}
