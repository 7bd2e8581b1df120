package variant

import (
	"context"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// forgetful is a store that never returns due or waiting deliveries, so that the reconciler does nothing, even after a restart.
type forgetful struct{ *store.Store }

func (forgetful) ListDue(context.Context, time.Time, store.Due, int) ([]store.Due, error) {
	return nil, nil
}

func (forgetful) ListLanes(context.Context, webhook.Lane, int) ([]webhook.Lane, error) {
	return nil, nil
}

func (forgetful) FindWaiting(context.Context, []string) ([]store.Due, error) { return nil, nil }

// unfenced is a store that accepts every outcome as if it were decided on the delivery's present state.
type unfenced struct{ *store.Store }

func (u unfenced) RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error) {
	current, err := u.FindDelivery(ctx, o.Delivery.OrganizationID, o.Delivery.ID)
	if err != nil {
		return webhook.Delivery{}, err
	}
	o.Delivery.Revision = current.Delivery.Revision + 1
	return u.Store.RecordOutcome(ctx, o)
}

// RecordOutcomes leaves the one statement for many out: it is fenced by itself.
func (u unfenced) RecordOutcomes(ctx context.Context, outcomes []webhook.Outcome) ([]webhook.Delivery, []error) {
	now, failures := make([]webhook.Delivery, len(outcomes)), make([]error, len(outcomes))
	for i, o := range outcomes {
		now[i], failures[i] = u.RecordOutcome(ctx, o)
	}
	return now, failures
}
