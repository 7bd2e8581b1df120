package memory

import "github.com/prometheus/client_golang/prometheus"

// Register exposes the budget's state. The names begin with redrive_memory.
func (b *Budget) Register(registry prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	registry.MustRegister(
		gauge("redrive_memory_budget_bytes", "Size of the memory budget for bodies and pages, in bytes.",
			func() float64 { return float64(b.total.size) }),
		gauge("redrive_memory_reserved_bytes", "Bytes of the memory budget that are reserved.",
			func() float64 { return float64(b.inUse.Load()) }),
		gauge("redrive_memory_waiting", "Requests or attempts that wait for memory.",
			func() float64 { return float64(b.waiting.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "redrive_memory_refused_total", Help: "Requests or attempts that got no memory in time.",
		}, func() float64 { return float64(b.refused.Load()) }),
	)
}
