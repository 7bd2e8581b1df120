// Package tracing has one trace follow a delivery from the request that caused it, through the queue, to every POST and what came
// of it:
//
//	POST …/events (API) ── enqueue ──▶ deliver (dispatcher) ── load, POST, record
//	                                └▶ deliver, the next attempt ── …
//
// A span's children are made by the provider of the span, so that nothing has to be handed around, and where there is no span
// there is nothing to pay: no header in the queue, and no allocation on the way of a delivery.
package tracing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Name is the instrumentation's.
const Name = "redrive"

// header is W3C Trace Context's. Its companion tracestate is left out: a caller may fill it with kilobytes, and each delivery's
// task would carry them.
const header = "traceparent"

// Header is the current span's place in its trace, as text; empty without a span.
func Header(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[header]
}

// Headers are what a task in the queue carries of its trace; nil without a span.
func Headers(ctx context.Context) map[string]string {
	if text := Header(ctx); text != "" {
		return map[string]string{header: text}
	}
	return nil
}

// Follow takes up the trace of a task's headers. Without one it changes nothing.
func Follow(ctx context.Context, headers map[string]string) context.Context {
	if headers[header] == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{header: headers[header]})
}

// Child begins a span below the current one. There is none to begin where nothing is recorded.
func Child(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(Name).Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
}

// End ends a span, and marks it as failed by the error if there is one. The error is not told: it may name what a trace is not to
// hold, and is in the log.
func End(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "see the log")
	}
	span.End()
}

// ID is the current trace's, to find it by from a line of the log; empty without one.
func ID(ctx context.Context) string {
	if current := trace.SpanContextFromContext(ctx); current.IsSampled() {
		return current.TraceID().String()
	}
	return ""
}
