package tracing

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Statements makes a span of each statement to PostgreSQL that is part of a trace. A statement that several callers share is part
// of none: their own spans say how long they waited for it.
type Statements struct{}

var _ pgx.QueryTracer = Statements{}

// TraceQueryStart is for pgx.
func (Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(data.SQL), " ")
	ctx, _ = Child(ctx, verb, trace.SpanKindClient, //nolint:spancheck // TraceQueryEnd ends it
		attribute.String("db.system.name", "postgresql"),
		attribute.String("db.operation.name", verb),
		attribute.String("db.query.text", data.SQL), // values are parameters, and not in it
	)
	return ctx
}

// TraceQueryEnd is for pgx.
func (Statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	End(trace.SpanFromContext(ctx), data.Err)
}
