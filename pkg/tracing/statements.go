package tracing

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Statements starts a span for each PostgreSQL statement of a traced request. A statement that several callers share belongs to no trace;
// the callers' own spans include the time that they waited for it.
type Statements struct{}

var _ pgx.QueryTracer = Statements{}

// TraceQueryStart implements pgx.QueryTracer.
func (Statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	verb, _, _ := strings.Cut(strings.TrimSpace(data.SQL), " ")
	ctx, _ = Child(ctx, verb, trace.SpanKindClient, //nolint:spancheck // TraceQueryEnd ends it
		attribute.String("db.system.name", "postgresql"),
		attribute.String("db.operation.name", verb),
		attribute.String("db.query.text", data.SQL), // the values are parameters and not part of the text
	)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (Statements) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	End(trace.SpanFromContext(ctx), data.Err)
}
