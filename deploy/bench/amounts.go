package bench

import "time"

// amounts are the numbers of tasks, events and requests of one round.
type amounts struct {
	drain, post, naive            int // tasks
	publish, publishBatch         int // events
	endToEndSingle, endToEndBatch int
	latency                       time.Duration
	purge                         int // deliveries that a purge deletes
	alone, beside                 time.Duration
	idle                          time.Duration
	flood, floodSingle, fanout    int // events
	besideFlood                   time.Duration
	growth                        int // requests of each kind
	saturated                     int // events
	neighbour                     int // waiting deliveries of the endpoint that hangs
	waiting                       int // waiting deliveries in total
	search                        int // requests of each kind
	paced                         time.Duration
	deleted                       int // waiting deliveries of the deleted endpoint
	paused                        int // events
	erased                        int // deliveries of the erased organization
	capacity                      int // deliveries
	written                       int // deliveries into each database
	nodes                         int // deliveries that wait
	partitioned                   int // deliveries
}

const (
	publishConnections = 32
	retryConnections   = 16
	// retries has a lower limit, because a shorter measurement would end before the dispatcher is at full speed.
	retries = 2000
	// batchEvents is the number of events in one batch request.
	batchEvents = 100
	// latencyRate and neighbourRate are events per second, to one endpoint and to many.
	latencyRate        = 100
	neighbourRate      = 200
	neighbourEndpoints = 20
)

func newAmounts(scale float64) amounts {
	count := func(full int) int { return max(1, int(float64(full)*scale)) }
	// A duration has a lower limit, because some work is done every few seconds only.
	during := func(full, floor time.Duration) time.Duration { return max(floor, time.Duration(float64(full)*scale)) }
	return amounts{
		drain: count(30_000), post: count(30_000), naive: count(10_000),
		publish: count(10_000), publishBatch: count(30_000),
		endToEndSingle: count(15_000), endToEndBatch: count(20_000),
		latency: during(10*time.Second, 2*time.Second),
		purge:   count(200_000),
		alone:   during(8*time.Second, 4*time.Second), beside: during(20*time.Second, 10*time.Second),
		idle:   during(10*time.Second, 10*time.Second),
		growth: count(400), saturated: count(10_000), neighbour: count(100_000), waiting: count(1_000_000),
		search: count(60), paced: during(30*time.Second, 10*time.Second),
		deleted: count(50_000), paused: count(10_000), erased: count(100_000), capacity: count(20_000), written: count(40_000), nodes: count(20_000),
		partitioned: max(40_000, count(2_000_000)),
		flood:       count(100_000), floodSingle: count(50_000), fanout: count(500),
		besideFlood: during(20*time.Second, 5*time.Second),
	}
}
