package tracing_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/tracing"
)

type key struct{}

func TestChildWithoutSpanAllocatesNothing(t *testing.T) {
	ctx := context.WithValue(t.Context(), key{}, "as deep as a task's")
	allocated := testing.AllocsPerRun(100, func() {
		followed := tracing.Follow(ctx, nil)
		child, span := tracing.Child(followed, "load", trace.SpanKindClient)
		tracing.End(span, nil)
		if tracing.Headers(child) != nil || tracing.Header(child) != "" || tracing.ID(child) != "" {
			t.Error("there is a trace")
		}
	})
	assert.Zero(t, allocated)
}

func TestFollowContinuesTrace(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	ctx, root := provider.Tracer("test").Start(t.Context(), "root")
	headers := tracing.Headers(ctx)
	require.Len(t, headers, 1)
	assert.Equal(t, headers["traceparent"], tracing.Header(ctx))
	assert.Equal(t, root.SpanContext().TraceID().String(), tracing.ID(ctx))

	followed := trace.SpanContextFromContext(tracing.Follow(t.Context(), headers))
	assert.True(t, followed.IsRemote())
	assert.Equal(t, root.SpanContext().SpanID(), followed.SpanID())

	_, failed := tracing.Child(ctx, "child", trace.SpanKindClient)
	tracing.End(failed, errors.New("postgres://user:password@host"))
	require.Len(t, spans.Ended(), 1)
	child := spans.Ended()[0]
	assert.Equal(t, root.SpanContext().SpanID(), child.Parent().SpanID())
	assert.Equal(t, codes.Error, child.Status().Code)
	assert.NotContains(t, child.Status().Description, "password")
}

func TestFollowInvalidHeaderIsIgnored(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "x", "00-0-0-0", "00-00000000000000000000000000000000-0000000000000000-01"} {
		ctx := tracing.Follow(t.Context(), map[string]string{"traceparent": text})
		assert.False(t, trace.SpanContextFromContext(ctx).IsValid(), text)
	}
}
