package deliver

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// refusalPatience is how long an outcome is kept by default that the database refuses although it is there. To give up at once
// would send the webhook every few seconds until somebody looks.
const refusalPatience = 30 * time.Second

// record writes the outcome, again and again until the database takes it: writing it twice is harmless. An attempt that is not
// on record is made again, so a database that is away is waited for, for as long as this process lives.
func (d *Deliverer) record(ctx context.Context, outcome webhook.Outcome) (current webhook.Delivery, err error) {
	ctx, span := tracing.Child(ctx, "record", trace.SpanKindClient)
	defer func() { tracing.End(span, err) }()
	ctx = context.WithoutCancel(ctx) // the queue may have lost its patience, and what a receiver has seen goes on record
	began := time.Now()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		current, err = d.store.RecordOutcome(ctx, outcome)
		switch code := webhook.CodeOf(err); {
		case err == nil:
			d.database.over(ctx)
			return current, nil
		case code == webhook.CodeNotFound:
			return current, err
		case code == webhook.CodeUnavailable:
			d.database.noticed(ctx, err)
		case time.Since(began) >= d.patience:
			return current, err
		}
		if pause == firstPause {
			d.log.WarnContext(ctx, "an attempt could not be recorded yet", "deliveryId", outcome.Delivery.ID, "error", err)
		}
		select {
		case <-d.abandoned:
			return current, err
		case <-d.database.away(): // it is back
		case <-time.After(jittered(pause)):
		}
	}
}
