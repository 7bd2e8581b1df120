package endpoints

import (
	"context"
	"log/slog"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// ChangeStore changes endpoints.
type ChangeStore interface {
	ChangeEndpoint(ctx context.Context, organizationID, id string, change webhook.EndpointChange) (webhook.Endpoint, error)
}

// Lanes opens lanes, so that dispatchers claim their waiting deliveries. queue.Lanes implements it.
type Lanes interface {
	Open(ctx context.Context, lanes []webhook.Lane) error
}

// openTimeout bounds how long a resume or a disable waits for Redis.
const openTimeout = 250 * time.Millisecond

// Holder pauses, resumes and deletes endpoints. It is safe for concurrent use.
type Holder struct {
	store ChangeStore
	lanes Lanes
	log   *slog.Logger
}

// NewHolder makes a Holder.
func NewHolder(store ChangeStore, lanes Lanes, log *slog.Logger) *Holder {
	return &Holder{store: store, lanes: lanes, log: log}
}

// Pause pauses an endpoint of the key's organization. No attempt starts after it has returned.
func (h *Holder) Pause(ctx context.Context, by webhook.APIKey, id string) (webhook.Endpoint, error) {
	return h.settle(ctx, by, id, webhook.Pausing(by.ID, webhook.Now()))
}

// Delete deletes an endpoint of the key's organization. No attempt starts after it has returned. Dispatchers end its waiting deliveries.
func (h *Holder) Delete(ctx context.Context, by webhook.APIKey, id string) (webhook.Endpoint, error) {
	return h.settle(ctx, by, id, webhook.Deleting(by.ID, webhook.Now()))
}

// settle makes a change and waits until every dispatcher uses it.
func (h *Holder) settle(ctx context.Context, by webhook.APIKey, id string, change webhook.EndpointChange) (webhook.Endpoint, error) {
	endpoint, err := h.store.ChangeEndpoint(ctx, by.OrganizationID, id, change)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	if err := lifecycle.Sleep(ctx, webhook.EndpointSettled); err != nil {
		return webhook.Endpoint{}, err
	}
	return endpoint, nil
}

// Resume resumes an endpoint of the key's organization and opens its lanes, so that dispatchers claim its waiting deliveries. If Redis is
// unavailable, the reconciler finds those that are due.
func (h *Holder) Resume(ctx context.Context, by webhook.APIKey, id string) (webhook.Endpoint, error) {
	endpoint, err := h.store.ChangeEndpoint(ctx, by.OrganizationID, id, webhook.Resuming(by.ID, webhook.Now()))
	if err != nil {
		return webhook.Endpoint{}, err
	}
	h.open(ctx, endpoint)
	return endpoint, nil
}

// Disable disables an endpoint of the key's organization. The waiting deliveries of a paused endpoint are claimed, which ends them. If
// Redis is unavailable, the reconciler finds those that are due.
func (h *Holder) Disable(ctx context.Context, by webhook.APIKey, id string) (webhook.Endpoint, error) {
	change := webhook.Disabling(by.ID, webhook.DisabledManually, webhook.Now())
	endpoint, err := h.store.ChangeEndpoint(ctx, by.OrganizationID, id, change)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	if !endpoint.PausedAt.IsZero() {
		h.open(ctx, endpoint)
	}
	return endpoint, nil
}

// open opens the lanes of an endpoint.
func (h *Holder) open(ctx context.Context, endpoint webhook.Endpoint) {
	lanes := make([]webhook.Lane, 0, 3)
	for _, priority := range []webhook.Priority{webhook.PriorityHead, webhook.PriorityLive, webhook.PriorityBulk} {
		lanes = append(lanes, webhook.Lane{OrganizationID: endpoint.OrganizationID, EndpointID: endpoint.ID, Priority: priority})
	}
	opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	if err := h.lanes.Open(opening, lanes); err != nil {
		h.log.WarnContext(ctx, "lanes of an endpoint not opened, left to the reconciler", "endpointId", endpoint.ID, "error", err)
	}
}
