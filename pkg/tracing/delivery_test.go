package tracing_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/tracing"
)

// Attempts of a delivery whose tasks have no headers are in one trace, to which the request's own trace links.
func TestFollowTaskWithoutHeadersHasTraceOfDelivery(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	tracer := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans), sdk.WithIDGenerator(tracing.IDs{})).Tracer("test")
	ctx, request := tracer.Start(t.Context(), "request")
	tracing.LinkDelivery(ctx, "dlv_1")
	request.End()
	for range 2 {
		_, attempt := tracer.Start(tracing.FollowTask(t.Context(), nil, "dlv_1"), "attempt")
		attempt.End()
	}
	_, other := tracer.Start(tracing.FollowTask(t.Context(), nil, "dlv_2"), "other")
	other.End()
	_, known := tracer.Start(tracing.FollowTask(t.Context(), tracing.Headers(ctx), "dlv_3"), "known")
	known.End()

	ended := spans.Ended()
	require.Len(t, ended, 5)
	hash := sha256.Sum256([]byte("dlv_1"))
	assert.Equal(t, hex.EncodeToString(hash[:16]), ended[1].SpanContext().TraceID().String(), "printf dlv_1 | sha256sum | cut -c1-32")
	assert.Equal(t, ended[1].SpanContext().TraceID(), ended[2].SpanContext().TraceID())
	assert.NotEqual(t, ended[1].SpanContext().SpanID(), ended[2].SpanContext().SpanID())
	assert.False(t, ended[1].Parent().IsValid())
	require.Len(t, ended[0].Links(), 1)
	assert.Equal(t, ended[1].SpanContext().TraceID(), ended[0].Links()[0].SpanContext.TraceID())
	assert.NotEqual(t, ended[1].SpanContext().TraceID(), ended[3].SpanContext().TraceID())
	assert.Equal(t, ended[0].SpanContext().TraceID(), ended[4].SpanContext().TraceID(), "a task with headers continues their trace")
}

func TestIDsAreValidAndDiffer(t *testing.T) {
	t.Parallel()
	traces, ids := map[trace.TraceID]bool{}, map[trace.SpanID]bool{}
	for range 1000 {
		id, span := tracing.IDs{}.NewIDs(t.Context())
		next := tracing.IDs{}.NewSpanID(t.Context(), id)
		assert.True(t, id.IsValid() && span.IsValid() && next.IsValid())
		traces[id], ids[span], ids[next] = true, true, true
	}
	assert.Len(t, traces, 1000)
	assert.Len(t, ids, 2000)
}

// A link is added to a recorded span only.
func TestLinkDeliveryWithoutSpanDoesNothing(t *testing.T) {
	t.Parallel()
	assert.NotPanics(t, func() { tracing.LinkDelivery(t.Context(), "dlv_1") })
	assert.True(t, tracing.Delivery("dlv_1").IsValid())
}
