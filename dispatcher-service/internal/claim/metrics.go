package claim

import (
	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/queue"
)

// metrics count what this process takes. No label takes values from customers.
type metrics struct {
	pending, claimed prometheus.Counter
	swept            prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) metrics {
	taken := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_tasks_taken_total", Help: "Tasks that workers were given, by source: pending tasks of the queue, or deliveries claimed from the backlog.",
	}, []string{"source"})
	m := metrics{
		pending: taken.WithLabelValues("queue"), claimed: taken.WithLabelValues("backlog"),
		swept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_backlog_swept_total", Help: "Deliveries that a sweep found behind their lane's cursor without a task.",
		}),
	}
	if registry != nil {
		registry.MustRegister(taken, m.swept)
	}
	return m
}

// count counts a take.
func (m metrics) count(taking queue.Taking) {
	claimed := 0
	for _, fate := range taking.Fates {
		if fate == queue.Claimed {
			claimed++
		}
	}
	m.claimed.Add(float64(claimed))
	m.pending.Add(float64(len(taking.Tasks) - claimed))
}
