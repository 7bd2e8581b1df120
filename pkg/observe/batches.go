package observe

import "github.com/prometheus/client_golang/prometheus"

// BatchSizes registers a histogram of the number of items that share one database statement. It returns one function for each statement, in
// the order of the names, that records a batch size.
func BatchSizes(registry prometheus.Registerer, statements ...string) []func(size int) {
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "redrive_batch_size", Help: "Items (events, deliveries or outcomes) in one database statement, by statement.",
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
