package deliver

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// report counts an attempt, adds it to the delivery's span and writes one log line for it.
func (d *Deliverer) report(ctx context.Context, dispatch webhook.Dispatch, o webhook.Outcome, superseded bool) {
	outcome := o.Attempt.Outcome
	if superseded {
		outcome = webhook.AttemptSuperseded
	}
	if dispatch.Delivery.Test {
		d.metrics.tests[outcome].Inc()
	} else {
		d.metrics.attempt(dispatch.Delivery.NextRetryAt, o, outcome)
		if !superseded {
			d.options.Counter.Count(o.Attempt)
		}
	}
	d.describe(ctx, dispatch, o, outcome)
	if !d.options.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	attributes := []slog.Attr{
		slog.String("deliveryId", o.Delivery.ID),
		slog.String("endpointId", o.Delivery.EndpointID),
		slog.String("organizationId", o.Delivery.OrganizationID),
		slog.String("eventId", o.Delivery.EventID),
		slog.String("eventType", dispatch.Event.Type),
		slog.String("attemptId", o.Attempt.ID),
		slog.Int("number", dispatch.Attempts+1),
		slog.String("outcome", string(outcome)),
		slog.Int("responseStatus", o.Attempt.ResponseStatus),
		slog.Int64("durationMs", o.Attempt.Duration.Milliseconds()),
		slog.Int("retryCount", o.Delivery.RetryCount),
	}
	if dispatch.Delivery.Test {
		attributes = append(attributes, slog.Bool("test", true))
	}
	if !superseded {
		attributes = append(attributes, slog.String("status", string(o.Delivery.Status)))
	}
	if id := tracing.ID(ctx); id != "" {
		attributes = append(attributes, slog.String("traceId", id))
	}
	if o.Attempt.ErrorMessage != "" {
		attributes = append(attributes, slog.String("errorMessage", o.Attempt.ErrorMessage))
	}
	if !superseded && !o.Delivery.NextRetryAt.IsZero() {
		attributes = append(attributes, slog.Time("nextRetryAt", o.Delivery.NextRetryAt))
	}
	d.options.Log.LogAttrs(ctx, slog.LevelInfo, "attempt", attributes...)
}

// describe adds the outcome of the attempt to the delivery's span, if there is one.
func (d *Deliverer) describe(ctx context.Context, dispatch webhook.Dispatch, o webhook.Outcome, outcome webhook.AttemptOutcome) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		attribute.String("endpointId", o.Delivery.EndpointID),
		attribute.String("organizationId", o.Delivery.OrganizationID),
		attribute.String("eventId", o.Delivery.EventID),
		attribute.String("attemptId", o.Attempt.ID),
		attribute.Int("number", dispatch.Attempts+1),
		attribute.String("outcome", string(outcome)),
		attribute.String("status", string(o.Delivery.Status)),
	)
}
