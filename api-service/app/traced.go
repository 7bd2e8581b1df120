package app

import (
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/tracing"
)

// traced makes a span of each request, as a child of the caller's span if there is one. It records no OpenTelemetry metrics.
func traced(handler http.Handler, provider trace.TracerProvider) http.Handler {
	return otelhttp.NewHandler(handler, tracing.Name, otelhttp.WithTracerProvider(provider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), otelhttp.WithPropagators(propagation.TraceContext{}))
}
