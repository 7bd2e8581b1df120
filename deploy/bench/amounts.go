package bench

import "time"

// amounts is how much of everything a round takes.
type amounts struct {
	drain, post, naive            int // tasks
	publish, publishBatch         int // events
	endToEndSingle, endToEndBatch int
	latency                       time.Duration
	purge                         int // deliveries that a purge finds
	alone, beside                 time.Duration
	idle                          time.Duration
	flood, floodSingle, fanout    int // events
	besideFlood                   time.Duration
	growth                        int // requests of each kind
	saturated                     int // events
	neighbour                     int // deliveries that wait for the endpoint that hangs
	waiting                       int // deliveries that wait in all
	search                        int // requests of each kind
	paced                         time.Duration
	deleted                       int // deliveries that wait for the endpoint that is deleted
	paused                        int // events
	erased                        int // deliveries of the organization that is erased
}

const (
	publishConnections = 32
	retryConnections   = 16
	// retries is fixed: fewer would be over before they have begun.
	retries = 2000
	// batchEvents is what one request carries.
	batchEvents = 100
	// latencyRate and neighbourRate are events a second, to one and to many endpoints.
	latencyRate        = 100
	neighbourRate      = 200
	neighbourEndpoints = 20
)

func newAmounts(scale float64) amounts {
	count := func(full int) int { return max(1, int(float64(full)*scale)) }
	// A duration has a floor: what happens every few seconds must have a chance to happen.
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
		deleted: count(50_000), paused: count(10_000), erased: count(100_000),
		flood: count(100_000), floodSingle: count(50_000), fanout: count(500),
		besideFlood: during(20*time.Second, 5*time.Second),
	}
}
