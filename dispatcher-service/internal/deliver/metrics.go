package deliver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/observe"
	"redrive/pkg/webhook"
)

// metrics are bound to their labels beforehand: a delivery looks nothing up. None has a label that a customer can make up values
// of.
type metrics struct {
	attempts map[webhook.AttemptOutcome]*[len(observe.StatusClasses)]prometheus.Counter
	duration prometheus.Histogram
	lag      prometheus.Histogram
	retries  prometheus.Counter
	orphans  prometheus.Counter
	ended    map[webhook.FailureReason]prometheus.Counter // without an attempt
	success  prometheus.Counter
	failure  prometheus.Counter
}

// byAttempt is the reason of an end that an attempt decided.
const byAttempt = "attempt"

func newMetrics(registry prometheus.Registerer) metrics {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_attempts_total", Help: "Attempts made, by outcome and class of the answer's status.",
	}, []string{"outcome", "status"})
	ended := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "redrive_deliveries_ended_total", Help: "Deliveries that ended, by status and by what decided it: an attempt, or why there was none.",
	}, []string{"status", "reason"})
	m := metrics{
		attempts: boundAttempts(attempts),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_attempt_duration_seconds", Help: "Time that receivers took to answer, or not to.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_attempt_lag_seconds", Help: "Time from when an attempt was due to when it began.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900},
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_retries_scheduled_total", Help: "Failed attempts that another one follows.",
		}),
		orphans: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "redrive_attempts_orphaned_total", Help: "Attempts that ended without an outcome: their dispatcher died or panicked, or the database refused it.",
		}),
		ended:   map[webhook.FailureReason]prometheus.Counter{},
		success: ended.WithLabelValues(string(webhook.StatusSuccess), byAttempt),
		failure: ended.WithLabelValues(string(webhook.StatusFailure), byAttempt),
	}
	for _, reason := range []webhook.FailureReason{
		webhook.FailureEndpointDisabled, webhook.FailureOrphaned, webhook.FailureEventMissing, webhook.FailureEndpointMissing,
	} {
		m.ended[reason] = ended.WithLabelValues(string(webhook.StatusFailure), string(reason))
	}
	registry.MustRegister(attempts, ended, m.duration, m.lag, m.retries, m.orphans)
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

// attempt counts one that is on record, and what it led to.
func (m metrics) attempt(due time.Time, o webhook.Outcome, outcome webhook.AttemptOutcome) {
	m.attempts[outcome][observe.StatusClass(o.Attempt.ResponseStatus)].Inc()
	m.duration.Observe(o.Attempt.Duration.Seconds())
	m.lag.Observe(max(0, o.Attempt.StartedAt.Sub(due).Seconds()))
	if outcome == webhook.AttemptSuperseded {
		return // it led to nothing
	}
	switch o.Delivery.Status {
	case webhook.StatusSuccess:
		m.success.Inc()
	case webhook.StatusFailure:
		m.failure.Inc()
	default:
		m.retries.Inc()
	}
}
