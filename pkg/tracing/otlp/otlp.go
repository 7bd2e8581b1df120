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
)

// Provider makes spans and sends them.
type Provider struct{ sdk *sdk.TracerProvider }

// Open makes a Provider for the settings; it is nil if they ask for no traces. It connects to nothing yet. What OpenTelemetry
// itself reads from the environment holds: sampling, limits, further headers and attributes. Errors go into the log, for the
// whole process.
func Open(ctx context.Context, settings config.Tracing, service, version string, log *slog.Logger) (*Provider, error) {
	if settings.Endpoint == "" {
		return nil, nil //nolint:nilnil // a Provider that is nil is one that makes nothing
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces are lost", "error", err)
	}))
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(settings.TracesURL()))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv(), // the environment has the last word
	)
	if err != nil {
		return nil, fmt.Errorf("describe the service to traces: %w", err)
	}
	return &Provider{sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(described))}, nil
}

// Tracing is what a service is given: nil if there are no traces.
func (p *Provider) Tracing() trace.TracerProvider {
	if p == nil {
		return nil
	}
	return p.sdk
}

// patience is what Close gives the collector: one that is away is to keep nobody.
const patience = 2 * time.Second

// Close sends what is left. What the collector does not take within a moment is lost.
func (p *Provider) Close() {
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.sdk.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}
