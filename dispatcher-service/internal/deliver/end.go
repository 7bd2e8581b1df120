package deliver

import (
	"context"

	"redrive/pkg/webhook"
)

// endUnsent ends a delivery without an attempt.
func (d *Deliverer) endUnsent(ctx context.Context, delivery webhook.Delivery, reason webhook.FailureReason) (Verdict, error) {
	current, err := d.fail(ctx, delivery, reason)
	if err != nil {
		return Verdict{}, err
	}
	return d.settled(ctx, current)
}

// fail records the end of a delivery and returns the row as it is afterwards.
func (d *Deliverer) fail(ctx context.Context, delivery webhook.Delivery, reason webhook.FailureReason) (webhook.Delivery, error) {
	failed, err := delivery.Failed(reason, webhook.Now())
	if err != nil {
		return webhook.Delivery{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.options.DatabaseTimeout)
	defer cancel()
	current, err := d.options.Store.FailDelivery(ctx, failed)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if current.Revision == failed.Revision { // otherwise another run has ended it
		d.metrics.ended[reason].Inc()
	}
	d.options.Log.InfoContext(ctx, "delivery ended without an attempt", "deliveryId", delivery.ID, "endpointId", delivery.EndpointID,
		"organizationId", delivery.OrganizationID, "reason", string(reason))
	return current, nil
}

// CountEnded counts deliveries that another part of the dispatcher has ended without an attempt.
func (d *Deliverer) CountEnded(reason webhook.FailureReason, count int64) {
	d.metrics.ended[reason].Add(float64(count))
}

// settled returns the verdict for a delivery that this run did not change: the row decides. A dead letter keeps the reason on
// record, so that running its task from the inspector does not erase it. A delivery that ended without an attempt leaves none.
func (d *Deliverer) settled(ctx context.Context, current webhook.Delivery) (Verdict, error) {
	if current.Status != webhook.StatusFailure || !current.FailureReason.AfterAttempt() {
		return verdictOf(current, "another run changed it"), nil
	}
	message, err := d.failureOf(ctx, current)
	if err != nil {
		return Verdict{}, err
	}
	return verdictOf(current, message), nil
}

// failureOf returns why a delivery failed. It reads the last attempt at most: the event's data would need memory from the budget.
func (d *Deliverer) failureOf(ctx context.Context, failed webhook.Delivery) (string, error) {
	record := webhook.Record{Delivery: failed}
	if failed.FailureReason == "" && failed.LastAttemptID != "" {
		ctx, cancel := context.WithTimeout(ctx, d.options.DatabaseTimeout)
		defer cancel()
		attempts, err := d.options.Store.ReadAttempts(ctx, failed.OrganizationID, []string{failed.LastAttemptID})
		if err != nil {
			return "", err
		}
		if len(attempts) > 0 {
			record.LastAttempt = &attempts[0]
		}
	}
	return record.ErrorMessage(), nil
}

// alreadyEnded returns the verdict for the task of a delivery that has ended. An operator ran a dead letter, or the delivery
// ended without an attempt. Only a retry through the API sends a failed delivery again.
func (d *Deliverer) alreadyEnded(ctx context.Context, delivery webhook.Delivery) (Verdict, error) {
	verdict, err := d.settled(ctx, delivery)
	if err != nil || verdict.Kind != KindDead {
		return verdict, err
	}
	const instead = "POST /v1/execution-webhooks/deliveries/{id}/retry"
	d.options.Log.WarnContext(ctx, "failed delivery dequeued and not sent: retry it through the API", "deliveryId", delivery.ID,
		"organizationId", delivery.OrganizationID, "retry", instead, "failure", verdict.Reason)
	verdict.Reason += "; the delivery has ended: only a retry through the API sends it again: " + instead
	return verdict, nil
}
