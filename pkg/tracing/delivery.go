package tracing

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// A delivery in backlog has no task, and its row holds no trace. All attempts that follow are in one trace whose ID is a hash of the
// delivery's ID, and the trace of the request links to it. So nothing is stored, and Redis does not grow with the backlog.

// deliveryKey is the key of the delivery's ID in a context.
type deliveryKey struct{}

// Delivery returns the trace of a delivery whose task had no headers: the first 16 bytes of the SHA-256 of its ID. The span in it is the
// next 8 bytes; it stands for the trace as a whole.
func Delivery(id string) trace.SpanContext {
	hash := sha256.Sum256([]byte(id))
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID(hash[:16]), SpanID: trace.SpanID(hash[16:24]), TraceFlags: trace.FlagsSampled, Remote: true,
	})
}

// LinkDelivery adds a link to the trace of a delivery, with its ID, to the current span.
func LinkDelivery(ctx context.Context, id string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.AddLink(trace.Link{SpanContext: Delivery(id), Attributes: []attribute.KeyValue{attribute.String("deliveryId", id)}})
	}
}

// IDs makes the IDs of traces and spans for a tracer provider. They are random, but for the trace of a delivery. It is safe for concurrent
// use.
type IDs struct{}

// NewIDs returns the IDs of a trace and its first span.
func (IDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if id, known := ctx.Value(deliveryKey{}).(string); known {
		return Delivery(id).TraceID(), newSpanID()
	}
	var id trace.TraceID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], nonZero())
	return id, newSpanID()
}

// NewSpanID returns the ID of a further span.
func (IDs) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return newSpanID() }

func newSpanID() (id trace.SpanID) {
	binary.NativeEndian.PutUint64(id[:], nonZero())
	return id
}

// nonZero returns a random number: IDs of zeros are invalid.
func nonZero() uint64 {
	for {
		if n := rand.Uint64(); n != 0 {
			return n
		}
	}
}
