package testmetrics_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"

	"redrive/pkg/testmetrics"
)

func newRegistry() *prometheus.Registry {
	sent := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sent_total", Help: "Sent."}, []string{"result", "kind"})
	open := prometheus.NewGauge(prometheus.GaugeOpts{Name: "open", Help: "Open."})
	registry := prometheus.NewRegistry()
	registry.MustRegister(sent, open)
	sent.WithLabelValues("success", "first").Add(2)
	sent.WithLabelValues("success", "retry").Add(3)
	sent.WithLabelValues("failure", "retry").Add(5)
	open.Set(7)
	return registry
}

func TestValuesKeysAreNameAndLabelValues(t *testing.T) {
	t.Parallel()
	assert.Equal(t, map[string]float64{
		"sent_total first success": 2, "sent_total retry success": 3, "sent_total retry failure": 5, "open": 7,
	}, testmetrics.Values(t, newRegistry()))
}

func TestSumSelectsByLabelValues(t *testing.T) {
	t.Parallel()
	registry := newRegistry()
	assert.InDelta(t, 7, testmetrics.Sum(t, registry, "open"), 0)
	assert.InDelta(t, 10, testmetrics.Sum(t, registry, "sent_total"), 0)
	assert.InDelta(t, 5, testmetrics.Sum(t, registry, "sent_total", "success"), 0)
	assert.InDelta(t, 3, testmetrics.Sum(t, registry, "sent_total", "retry", "success"), 0)
	assert.InDelta(t, 0, testmetrics.Sum(t, registry, "sent_total", "unknown"), 0)
}
