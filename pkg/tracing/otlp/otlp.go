// Package otlp sends traces to an OpenTelemetry collector.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/config"
	"redrive/pkg/tracing"
)

// Provider is a tracer provider that exports spans. A nil Provider exports nothing.
type Provider struct{ sdk *sdk.TracerProvider }

// Open returns a Provider for the settings, or nil if they name no endpoint. It does not connect. OpenTelemetry reads sampling, limits,
// headers and attributes from its own environment variables. Open sets OpenTelemetry's error handler for the whole process: it logs to
// log.
func Open(ctx context.Context, settings config.Tracing, service, version string, log *slog.Logger) (*Provider, error) {
	if settings.Endpoint == "" {
		return nil, nil //nolint:nilnil // a nil Provider exports nothing
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces lost", "error", err)
	}))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(settings.TracesURL()))
	if err != nil {
		return nil, fmt.Errorf("create the exporter of traces: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv(), // the environment takes precedence
	)
	if err != nil {
		return nil, fmt.Errorf("create the resource of traces: %w", err)
	}
	return &Provider{sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described), sdk.WithIDGenerator(tracing.IDs{}))}, nil
}

// Tracing returns the tracer provider for a service, or nil if there are no traces.
func (p *Provider) Tracing() trace.TracerProvider {
	if p == nil {
		return nil
	}
	return p.sdk
}

// closeTimeout bounds Close, so that an unavailable collector does not delay the end of the process.
const closeTimeout = 2 * time.Second

// Close exports the remaining spans. Those that the collector does not accept within 2 s are lost.
func (p *Provider) Close() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := p.sdk.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}
