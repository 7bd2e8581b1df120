package watch_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/queue"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
	callers      = "00-" + callersTrace + "-" + callersSpan + "-01"
)

// recording is a provider that keeps its spans for the test.
func recording(t *testing.T, sampler sdk.Sampler) (*sdk.TracerProvider, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans), sdk.WithSampler(sampler), sdk.WithIDGenerator(tracing.IDs{}))
	t.Cleanup(func() { assert.NoError(t, provider.Shutdown(context.Background())) })
	return provider, spans
}

// tree has the spans of one trace.
type tree []sdk.ReadOnlySpan

func of(spans []sdk.ReadOnlySpan, id trace.TraceID) (one tree) {
	for _, span := range spans {
		if span.SpanContext().TraceID() == id {
			one = append(one, span)
		}
	}
	return one
}

func (tr tree) named(name string) (found []sdk.ReadOnlySpan) {
	for _, span := range tr {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	return found
}

// below returns the only child of a span with the name.
func (tr tree) below(t *testing.T, parent sdk.ReadOnlySpan, name string) sdk.ReadOnlySpan {
	t.Helper()
	var found []sdk.ReadOnlySpan
	for _, span := range tr.named(name) {
		if span.Parent().SpanID() == parent.SpanContext().SpanID() {
			found = append(found, span)
		}
	}
	require.Len(t, found, 1, "%s below %s", name, parent.Name())
	return found[0]
}

func value(span sdk.ReadOnlySpan, key string) any {
	for _, attribute := range span.Attributes() {
		if string(attribute.Key) == key {
			return attribute.Value.AsInterface()
		}
	}
	return nil
}

// One trace leads from the caller's span to the request, through Redis, and to both attempts and their outcomes.
func TestTraceSpansRequestAndEveryPOST(t *testing.T) {
	t.Parallel()
	provider, spans := recording(t, sdk.ParentBased(sdk.AlwaysSample()))
	r := newRedrive(t, options{tracing: provider, sendTraceparent: true})
	id, first, second := r.deliver("Traceparent", callers, "Tracestate", "vendor=x", "Baggage", "secret=x")

	traceID, err := trace.TraceIDFromHex(callersTrace)
	require.NoError(t, err)
	var one tree
	require.Eventually(t, func() bool {
		one = of(spans.Ended(), traceID)
		return len(one.named("deliver")) == 2
	}, soon, 5*time.Millisecond)

	requests := one.named("POST " + base + "/events")
	require.Len(t, requests, 1)
	request := requests[0]
	assert.Equal(t, callersSpan, request.Parent().SpanID().String())
	assert.True(t, request.Parent().IsRemote())
	assert.Equal(t, trace.SpanKindServer, request.SpanKind())
	assert.Equal(t, "org", value(request, "organizationId"))
	assert.Equal(t, base+"/events", value(request, "http.route"))
	one.below(t, request, "keep")
	enqueue := one.below(t, request, "enqueue")
	assert.Equal(t, trace.SpanKindProducer, enqueue.SpanKind())

	want := []struct {
		outcome, status string
		answered        int64
		code            codes.Code
		received        string
	}{
		{"failure", "retrying", 500, codes.Error, first.Get("Traceparent")},
		{"success", "success", 200, codes.Unset, second.Get("Traceparent")},
	}
	for i, deliver := range one.named("deliver") {
		assert.Equal(t, enqueue.SpanContext().SpanID(), deliver.Parent().SpanID(), "both attempts are what the request enqueued")
		assert.Equal(t, trace.SpanKindConsumer, deliver.SpanKind())
		assert.Equal(t, id, value(deliver, "deliveryId"))
		assert.EqualValues(t, i+1, value(deliver, "number"))
		assert.Equal(t, want[i].outcome, value(deliver, "outcome"))
		assert.Equal(t, want[i].status, value(deliver, "status"))
		one.below(t, deliver, "load")
		one.below(t, deliver, "record")
		post := one.below(t, deliver, "POST")
		assert.Equal(t, trace.SpanKindClient, post.SpanKind())
		assert.Equal(t, want[i].answered, value(post, "http.response.status_code"))
		assert.Equal(t, want[i].code, post.Status().Code)
		assert.Equal(t, "00-"+callersTrace+"-"+post.SpanContext().SpanID().String()+"-01", want[i].received)
	}
	for _, line := range r.log.Records("attempt") {
		assert.Equal(t, callersTrace, line["traceId"])
	}

	for _, span := range spans.Ended() {
		for _, attribute := range append([]attribute.KeyValue{attribute.String("name", span.Name()), attribute.String("status", span.Status().Description)}, span.Attributes()...) {
			for _, secret := range []string{r.key, secrets, "whsec_"} {
				assert.NotContains(t, attribute.Value.String(), secret, "%s: %s", span.Name(), attribute.Key)
			}
		}
	}
	assert.Empty(t, first.Get("Tracestate"))
	assert.Empty(t, first.Get("Baggage"))
}

// A delivery that waits in the backlog has no task with the request's trace. The request's trace links to that of the delivery.
func TestTraceOfBacklogIsLinked(t *testing.T) {
	t.Parallel()
	provider, spans := recording(t, sdk.ParentBased(sdk.AlwaysSample()))
	r := newRedrive(t, options{tracing: provider})
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	r.post(base, `{"name":"test","url":"`+receiver.URL+`"}`)
	inspector := asynq.NewInspectorFromRedisClient(r.redis)
	require.NoError(t, inspector.PauseQueue(webhook.QueueDeliveries)) // so that the share fills
	const anEvent = `{"eventType":"run.finished","data":{}}`
	r.post(base+"/events/batch", `{"events":[`+strings.Repeat(anEvent+",", 199)+anEvent+`]}`, "Traceparent", callers)
	traceID, err := trace.TraceIDFromHex(callersTrace)
	require.NoError(t, err)
	var enqueue []sdk.ReadOnlySpan
	require.Eventually(t, func() bool {
		enqueue = of(spans.Ended(), traceID).named("enqueue")
		return len(enqueue) == 1
	}, soon, 5*time.Millisecond)
	links := enqueue[0].Links()
	require.NotEmpty(t, links, "more than the organization's share was published")
	require.NoError(t, inspector.UnpauseQueue(webhook.QueueDeliveries))
	var delivers []sdk.ReadOnlySpan
	require.Eventually(t, func() bool {
		delivers = of(spans.Ended(), links[0].SpanContext.TraceID()).named("deliver")
		return len(delivers) > 0
	}, soon, 5*time.Millisecond)
	assert.Equal(t, links[0].Attributes[0].Value.AsString(), value(delivers[0], "deliveryId"))
}

// A statement of one request has a span in its trace. A shared statement is in no trace.
func TestTraceContainsStatements(t *testing.T) {
	t.Parallel()
	provider, spans := recording(t, sdk.AlwaysSample())
	r := newRedrive(t, options{tracing: provider})
	r.post(base, `{"name":"test","url":"`+r.receiver.URL+`"}`, "Traceparent", callers)
	traceID, err := trace.TraceIDFromHex(callersTrace)
	require.NoError(t, err)
	var inserts []sdk.ReadOnlySpan
	require.Eventually(t, func() bool {
		inserts = of(spans.Ended(), traceID).named("INSERT")
		return len(inserts) == 2
	}, soon, 5*time.Millisecond)
	for i, table := range []string{"endpoints", "endpoint_changes"} {
		assert.Contains(t, value(inserts[i], "db.query.text"), `INTO "`+table+`"`)
		assert.NotContains(t, value(inserts[i], "db.query.text"), r.receiver.URL, "values are not in it")
	}
}

// A trace that the caller does not sample is not sampled anywhere.
func TestTraceNotSampledIsNotRecorded(t *testing.T) {
	t.Parallel()
	provider, spans := recording(t, sdk.ParentBased(sdk.AlwaysSample()))
	r := newRedrive(t, options{tracing: provider})
	_, first, _ := r.deliver("Traceparent", "00-"+callersTrace+"-"+callersSpan+"-00")
	traceID, err := trace.TraceIDFromHex(callersTrace)
	require.NoError(t, err)
	assert.Empty(t, of(spans.Ended(), traceID))
	assert.Empty(t, first.Get("Traceparent"), "receivers are told nothing unless it is asked for")
	for _, line := range r.log.Records("attempt") {
		assert.NotContains(t, line, "traceId")
	}
}

// Without an exporter, a caller's traceparent is neither stored in the queue nor sent to receivers.
func TestTraceOffLeavesNothing(t *testing.T) {
	t.Parallel()
	r := newRedrive(t, options{sendTraceparent: true})
	_, first, second := r.deliver("Traceparent", callers)
	assert.Empty(t, first.Get("Traceparent"))
	assert.Empty(t, second.Get("Traceparent"))

	id := webhook.NewID(webhook.KindDelivery, time.Now())
	_, err := queue.NewEnqueuer(r.redis).Enqueue(t.Context(), queue.Item{DeliveryID: id, Queue: "other"})
	require.NoError(t, err)
	task, err := asynq.NewInspectorFromRedisClient(r.redis).GetTaskInfo("other", id)
	require.NoError(t, err)
	assert.Empty(t, task.Headers)
	assert.Equal(t, id, string(task.Payload))
}
