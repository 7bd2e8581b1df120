package deliver

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"redrive/pkg/lifecycle"
	"redrive/pkg/profile"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// record decides what follows the attempt and commits that outcome. It returns the row as it is afterwards.
func (d *Deliverer) record(ctx context.Context, dispatch webhook.Dispatch, result webhook.Result) (outcome webhook.Outcome, current webhook.Delivery, err error) {
	profile.Record.Begin()
	outcome, err = d.options.Policy.For(dispatch.Endpoint).Decide(dispatch.Delivery, result, webhook.Now())
	if err != nil {
		return outcome, current, err
	}
	outcome.EndpointUpdatedAt, outcome.EventType = dispatch.Endpoint.UpdatedAt, dispatch.Event.Type
	ctx, span := tracing.Child(ctx, "record", trace.SpanKindClient)
	defer func() { tracing.End(span, err) }()
	current, err = d.commit(context.WithoutCancel(ctx), outcome) // an attempt that was made is recorded even if ctx ends
	return outcome, current, err
}

// commit writes the outcome until the database accepts it. A second write has no effect. An attempt without a record would be made again,
// so commit waits for an unavailable database until Abandon. A refusal is retried for RefusalLimit.
func (d *Deliverer) commit(ctx context.Context, outcome webhook.Outcome) (current webhook.Delivery, err error) {
	began := time.Now()
	pauses := lifecycle.Backoff{First: firstPause, Longest: longestPause}
	for first := true; ; first = false {
		current, err = d.groups.outcomes.Do(ctx, outcome)
		switch code := webhook.CodeOf(err); {
		case err == nil:
			d.outage.end(ctx)
			return current, nil
		case code == webhook.CodeNotFound:
			return current, err
		case code == webhook.CodeUnavailable:
			d.outage.observe(ctx, err)
		case time.Since(began) >= d.options.RefusalLimit:
			return current, err
		}
		if first {
			d.options.Log.WarnContext(ctx, "attempt not recorded yet: recording is retried", "deliveryId", outcome.Delivery.ID, "error", err)
		}
		select {
		case <-d.abandoned:
			return current, err
		case <-d.outage.resolved():
		case <-time.After(jittered(pauses.Next())):
		}
	}
}
