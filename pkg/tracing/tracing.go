// Package tracing carries one trace from the API request that caused a delivery, through the queue, to every attempt and its outcome:
//
//	POST …/events (API) ── enqueue ──▶ deliver (dispatcher) ── load, POST, record
//	                                └▶ deliver, the next attempt ── …
//
// A delivery that waits in the backlog has no task. Its attempts have a trace of their own, to which the enqueue span links; see Delivery.
//
// Child spans come from the tracer provider of the parent span, so no provider is passed around. Without a span, tracing costs nothing: no
// task header and no allocation.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Name is the instrumentation name of all spans.
const Name = "redrive"

// header is the header of W3C Trace Context. The tracestate header is not carried: a caller may fill it with kilobytes, and each task would
// store them.
const header = "traceparent"

// Header returns the traceparent value of the current span, or an empty string without a span.
func Header(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// Headers returns the headers of a task that is enqueued now; nil without a span.
func Headers(ctx context.Context) map[string]string {
	if text := Header(ctx); text != "" {
		return map[string]string{header: text}
	}
	return nil
}

// Follow returns a context whose spans continue the trace in a task's headers. Without a trace, it returns ctx.
func Follow(ctx context.Context, headers map[string]string) context.Context {
	if headers[header] == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: headers[header]})
}

// FollowTask returns a context whose spans continue the trace in a task's headers. A task that was claimed from the backlog, or enqueued
// again, has none: the spans of its delivery then have a trace of their own, with the ID of Delivery. The tracer provider needs IDs.
func FollowTask(ctx context.Context, headers map[string]string, deliveryID string) context.Context {
	if headers[header] == "" {
		return context.WithValue(ctx, deliveryKey{}, deliveryID)
	}
	return Follow(ctx, headers)
}

// Child starts a child of the current span. If the current span is not recorded, it returns ctx and a span that does nothing.
func Child(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(Name).Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// End ends a span. A non-nil error marks the span as failed. The error's text is not recorded, since it may contain what a trace must not
// hold; it is in the log.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "see the log")
	}
	span.End()
}

// ID returns the ID of the current trace for log lines; empty if there is no sampled trace.
func ID(ctx context.Context) string {
	if current := trace.SpanContextFromContext(ctx); current.IsSampled() {
		return current.TraceID().String()
	}
	return ""
}
