package deliver

import (
	"context"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// tolerance is how early a task may start: the queue keeps whole seconds.
const tolerance = time.Second

// guard returns send if the delivery may be sent now. Otherwise it returns the verdict for its task.
func (d *Deliverer) guard(ctx context.Context, dispatch webhook.Dispatch, queue string) (verdict Verdict, send bool, err error) {
	delivery, now := dispatch.Delivery, webhook.Now()
	early := dueAt(delivery, now).Sub(now)
	switch {
	case delivery.Queue != queue:
		return Done(), false, nil // the delivery has moved to another queue, where it has another task
	case !delivery.Status.Waiting():
		verdict, err = d.alreadyEnded(ctx, delivery)
		return verdict, false, err
	case early > tolerance:
		return Snooze(delivery.NextRetryAt, "it is not due yet"), false, nil
	case early > 0:
		if err := lifecycle.Sleep(ctx, early); err != nil {
			return Verdict{}, false, err
		}
	}
	return d.admit(ctx, dispatch)
}

// admit returns send if the endpoint takes the delivery, which is due. Otherwise it returns the verdict for its task. A delivery that is
// held keeps its state and loses its task: the lane is opened again when the endpoint is resumed or the organization is restored.
func (d *Deliverer) admit(ctx context.Context, dispatch webhook.Dispatch) (verdict Verdict, send bool, err error) {
	if dispatch.Endpoint.Holds(dispatch.Delivery) {
		return Done(), false, nil
	}
	if reason := unsendable(dispatch); reason != "" {
		verdict, err = d.endUnsent(ctx, dispatch.Delivery, reason)
		return verdict, false, err
	}
	return Verdict{}, true, nil
}

// dueAt is when the delivery is due. A pending delivery is due now at the latest, even if the clock of its writer was ahead.
func dueAt(delivery webhook.Delivery, now time.Time) time.Time {
	if delivery.Status == webhook.StatusPending && delivery.NextRetryAt.After(now) {
		return now
	}
	return delivery.NextRetryAt
}

// unsendable returns why a due delivery ends without a further attempt, or "".
func unsendable(dispatch webhook.Dispatch) webhook.FailureReason {
	switch {
	case dispatch.Missing != "":
		return dispatch.Missing
	case !dispatch.Endpoint.DeletedAt.IsZero():
		return webhook.FailureEndpointDeleted
	case dispatch.Endpoint.Status == webhook.EndpointDisabled && !dispatch.Delivery.Test:
		return webhook.FailureEndpointDisabled
	case dispatch.Delivery.OrphanCount >= webhook.MaxOrphans: // the last orphan was counted and the end could not be written
		return webhook.FailureOrphaned
	}
	return ""
}
