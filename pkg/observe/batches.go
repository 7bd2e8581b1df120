package observe

import "github.com/prometheus/client_golang/prometheus"

// BatchSizes registers how many items share a statement of the database, and returns what is to be told each size, in the order of
// the statements' names.
func BatchSizes(registry prometheus.Registerer, statements ...string) []func(size int) {
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "redrive_batch_size", Help: "Events, deliveries or outcomes that shared one statement, by what the statement is for.",
		Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200},
	}, []string{"statement"})
	registry.MustRegister(sizes)
	observers := make([]func(int), len(statements))
	for i, statement := range statements {
		bound := sizes.WithLabelValues(statement)
		observers[i] = func(size int) { bound.Observe(float64(size)) }
	}
	return observers
}
