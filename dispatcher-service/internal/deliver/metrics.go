package deliver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/observe"
	"redrive/pkg/webhook"
)

// metrics are bound to their label values in advance, so that a delivery looks nothing up. No label takes values from customers.
type metrics struct {
	attempts map[webhook.AttemptOutcome]*[len(observe.StatusClasses)]prometheus.Counter
	duration prometheus.Histogram
	lag      prometheus.Histogram
	retries  prometheus.Counter
	orphans  prometheus.Counter
	ended    map[webhook.FailureReason]prometheus.Counter // without an attempt
	success  prometheus.Counter
	failure  prometheus.Counter
	gone     prometheus.Counter
	ofJob    prometheus.Counter
	tests    map[webhook.AttemptOutcome]prometheus.Counter
	recent   *recent
}

const (
	// byAttempt is the reason of an end that followed from an attempt.
	byAttempt = "attempt"
	// byGone is that of a delivery whose receiver answered 410, which asks for no more deliveries.
	byGone = "gone"
	// byJob is that of a delivery that a bulk job had requeued or made. The job, not the retry policy, has set its time.
	byJob = "bulk_job"
)

func newMetrics(registry prometheus.Registerer) metrics {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_attempts_total", Help: "Attempts made, by outcome and by class of the response status.",
	}, []string{"outcome", "status"})
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_deliveries_ended_total", Help: "Deliveries ended, by status and reason: attempt, or why there was no attempt.",
	}, []string{"status", "reason"})
	m := metrics{
		attempts: boundAttempts(attempts),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_attempt_duration_seconds", Help: "Duration of attempts, in seconds.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_attempt_lag_seconds", Help: "Time from the due time of attempts to their start, in seconds.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900},
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_retries_scheduled_total", Help: "Failed attempts that are followed by a retry.",
		}),
		orphans: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_attempts_orphaned_total", Help: "Attempts without an outcome: the dispatcher died or panicked, or the database refused the outcome.",
		}),
		ended:   map[webhook.FailureReason]prometheus.Counter{},
		success: ended.WithLabelValues(string(webhook.StatusSuccess), byAttempt),
		failure: ended.WithLabelValues(string(webhook.StatusFailure), byAttempt),
		gone:    ended.WithLabelValues(string(webhook.StatusFailure), byGone),
		ofJob:   ended.WithLabelValues(string(webhook.StatusFailure), byJob),
		tests:   map[webhook.AttemptOutcome]prometheus.Counter{},
		recent:  newRecent(),
	}
	tests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_test_attempts_total", Help: "Attempts of test deliveries, by outcome. No other metric counts them.",
	}, []string{"outcome"})
	for outcome := range m.attempts {
		m.tests[outcome] = tests.WithLabelValues(string(outcome))
	}
	for _, reason := range []webhook.FailureReason{
		webhook.FailureEndpointDisabled, webhook.FailureEndpointDeleted, webhook.FailureOrphaned, webhook.FailureEventMissing, webhook.FailureEndpointMissing,
	} {
		m.ended[reason] = ended.WithLabelValues(string(webhook.StatusFailure), string(reason))
	}
	registry.MustRegister(attempts, ended, tests, m.duration, m.lag, m.retries, m.orphans, m.recent)
	return m
}

func boundAttempts(attempts *prometheus.CounterVec) map[webhook.AttemptOutcome]*[len(observe.StatusClasses)]prometheus.Counter {
	bound := map[webhook.AttemptOutcome]*[len(observe.StatusClasses)]prometheus.Counter{}
	for _, outcome := range []webhook.AttemptOutcome{webhook.AttemptSuccess, webhook.AttemptFailure, webhook.AttemptSuperseded} {
		bound[outcome] = new([len(observe.StatusClasses)]prometheus.Counter)
		for i, class := range observe.StatusClasses {
			bound[outcome][i] = attempts.WithLabelValues(string(outcome), class)
		}
	}
	return bound
}

// attempt counts a recorded attempt and its consequence.
func (m metrics) attempt(due time.Time, o webhook.Outcome, outcome webhook.AttemptOutcome) {
	m.attempts[outcome][observe.StatusClass(o.Attempt.ResponseStatus)].Inc()
	m.duration.Observe(o.Attempt.Duration.Seconds())
	m.lag.Observe(max(0, o.Attempt.StartedAt.Sub(due).Seconds()))
	superseded := outcome == webhook.AttemptSuperseded // it has no consequence
	failed := !superseded && !o.DisableEndpoint && o.Delivery.Status == webhook.StatusFailure
	ofJob := o.Delivery.BulkJobID != ""
	if !ofJob { // a job over endpoints that do not answer is no sign of a fault on this side
		m.recent.note(o.Attempt, o.Delivery.EndpointID, failed)
	}
	switch {
	case superseded:
	case failed && ofJob:
		m.ofJob.Inc()
	case failed:
		m.failure.Inc()
	case o.DisableEndpoint:
		m.gone.Inc()
	case o.Delivery.Status == webhook.StatusSuccess:
		m.success.Inc()
	default:
		m.retries.Inc()
	}
}
