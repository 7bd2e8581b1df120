package deliver

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/pkg/webhook"
)

type metrics struct {
	attempts *prometheus.CounterVec
	duration prometheus.Histogram
	orphans  prometheus.Counter
}

func newMetrics(registry prometheus.Registerer) metrics {
	m := metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "redrive_attempts_total", Help: "Attempts made, by outcome and class of the answer's status.",
		}, []string{"outcome", "status"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "redrive_attempt_duration_seconds", Help: "Time that receivers took to answer, or not to.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30},
		}),
	}
	m.orphans = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "redrive_attempts_orphaned_total", Help: "Attempts that were found to have ended without an outcome, because their dispatcher died.",
	})
	registry.MustRegister(m.attempts, m.duration, m.orphans)
	return m
}

// observe counts an attempt and writes its one line in the log.
func (d *Deliverer) observe(ctx context.Context, dispatch webhook.Dispatch, o webhook.Outcome, superseded bool) {
	outcome := o.Attempt.Outcome
	if superseded {
		outcome = webhook.AttemptSuperseded
	}
	d.metrics.attempts.WithLabelValues(string(outcome), statusClass(o.Attempt.ResponseStatus)).Inc()
	d.metrics.duration.Observe(o.Attempt.Duration.Seconds())

	attributes := []slog.Attr{
		slog.String("deliveryId", o.Delivery.ID),
		slog.String("endpointId", o.Delivery.EndpointID),
		slog.String("organizationId", o.Delivery.OrganizationID),
		slog.String("eventType", dispatch.Event.Type),
		slog.String("attemptId", o.Attempt.ID),
		slog.String("outcome", string(outcome)),
		slog.Int("responseStatus", o.Attempt.ResponseStatus),
		slog.Int64("durationMs", o.Attempt.Duration.Milliseconds()),
		slog.Int("retryCount", o.Delivery.RetryCount),
	}
	if !superseded {
		attributes = append(attributes, slog.String("status", string(o.Delivery.Status)))
	}
	if o.Attempt.ErrorMessage != "" {
		attributes = append(attributes, slog.String("errorMessage", o.Attempt.ErrorMessage))
	}
	if !superseded && !o.Delivery.NextRetryAt.IsZero() {
		attributes = append(attributes, slog.Time("nextRetryAt", o.Delivery.NextRetryAt))
	}
	d.log.LogAttrs(ctx, slog.LevelInfo, "attempt", attributes...)
}

func statusClass(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
