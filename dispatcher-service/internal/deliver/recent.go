package deliver

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/webhook"
)

const (
	// attemptedFor is longer than the longest time without an attempt to an endpoint with an open circuit: a minute, a snooze and a
	// timeout.
	attemptedFor = 3 * time.Minute
	failedFor    = 10 * time.Minute
	sweepEvery   = time.Minute
)

// recent counts the endpoints with recent attempts, by whether they answered, and the endpoints with a recent failure of a delivery. In the
// rate of attempts, one endpoint that is down and a broken network of this process look the same; these counts tell them apart. It names no
// endpoint, and is safe for concurrent use.
type recent struct {
	attempted, failed *prometheus.Desc

	mutex sync.Mutex
	last  map[string]lastSeen // by the endpoint's ID
	swept time.Time
}

type lastSeen struct {
	attempted, failed time.Time
	answered          bool
}

func newRecent() *recent {
	return &recent{
		attempted: prometheus.NewDesc("redrive_endpoints_attempted",
			"Endpoints that this process attempted within 3 minutes, other than for a bulk job, by the result of the last attempt.", []string{"result"}, nil),
		failed: prometheus.NewDesc("redrive_endpoints_failed",
			"Endpoints of which an attempt of this process ended a delivery in failure within 10 minutes, other than by 410 or for a bulk job.", nil, nil),
		last: map[string]lastSeen{},
	}
}

// note adds an attempt. failed means that the attempt ended its delivery in failure.
func (r *recent) note(attempt webhook.Attempt, endpointID string, failed bool) {
	now := time.Now()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	seen := r.last[endpointID]
	seen.attempted, seen.answered = now, attempt.ResponseStatus != 0
	if failed {
		seen.failed = now
	}
	r.last[endpointID] = seen
	if now.Sub(r.swept) >= sweepEvery { // so that memory is bounded also without scrapes of the metrics
		r.sweep(now)
	}
}

// sweep removes endpoints that no longer count. The caller holds the lock.
func (r *recent) sweep(now time.Time) {
	r.swept = now
	for id, seen := range r.last {
		if now.Sub(seen.attempted) >= attemptedFor && now.Sub(seen.failed) >= failedFor {
			delete(r.last, id)
		}
	}
}

// Describe implements prometheus.Collector.
func (r *recent) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- r.attempted
	descriptions <- r.failed
}

// Collect implements prometheus.Collector.
func (r *recent) Collect(metrics chan<- prometheus.Metric) {
	answered, unanswered, failed := r.count(time.Now())
	metrics <- prometheus.MustNewConstMetric(r.attempted, prometheus.GaugeValue, float64(answered), "answered")
	metrics <- prometheus.MustNewConstMetric(r.attempted, prometheus.GaugeValue, float64(unanswered), "unanswered")
	metrics <- prometheus.MustNewConstMetric(r.failed, prometheus.GaugeValue, float64(failed))
}

func (r *recent) count(now time.Time) (answered, unanswered, failed int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sweep(now)
	for _, seen := range r.last {
		switch {
		case now.Sub(seen.attempted) >= attemptedFor:
		case seen.answered:
			answered++
		default:
			unanswered++
		}
		if now.Sub(seen.failed) < failedFor {
			failed++
		}
	}
	return answered, unanswered, failed
}
