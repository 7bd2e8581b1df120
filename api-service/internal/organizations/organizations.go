// Package organizations creates, changes, deletes and restores organizations on the request of a platform key.
//
//	           Put                    Delete                     ERASURE_DELAY has passed
//	(none) ──────────► organization ──────────► deleted ───────────────────────────────────► erased: (none)
//	                        ▲                      │ Put
//	                        └──────────────────────┘
//
// A deleted organization keeps all it has until its delay has passed. Its keys are refused, and its deliveries wait. The dispatcher erases
// it then (package dispatcher-service/internal/erasure).
package organizations

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// Store is the part of the database that this package uses.
type Store interface {
	PutOrganization(ctx context.Context, id string, change webhook.OrganizationChange, now time.Time) (webhook.Organization, error)
	DeleteOrganization(ctx context.Context, id string, now, eraseAfter time.Time) (webhook.Organization, error)
}

// Options configure a Registry.
type Options struct {
	// ErasureDelay is how long a deleted organization can be restored.
	ErasureDelay time.Duration
}

// Registry creates, changes and deletes organizations.
type Registry struct {
	store   Store
	options Options
}

// New makes a Registry.
func New(store Store, options Options) *Registry { return &Registry{store, options} }

// settle is how long Delete waits after the commit. A dispatcher starts no attempt with what it has read more than 500 ms ago, so that no
// attempt starts after Delete has returned.
const settle = 500 * time.Millisecond

// Put creates an organization, changes it, or restores a deleted one. It returns an error with the code conflict if the delay has passed.
func (r *Registry) Put(ctx context.Context, id string, change webhook.OrganizationChange) (webhook.Organization, error) {
	if err := webhook.CheckOrganizationID(id); err != nil {
		return webhook.Organization{}, err
	}
	if err := change.Check(); err != nil {
		return webhook.Organization{}, err
	}
	return r.store.PutOrganization(ctx, id, change, webhook.Now())
}

// Delete deletes an organization. It returns when no attempt of the organization can start any more. An organization that is deleted
// already is returned as it is.
func (r *Registry) Delete(ctx context.Context, id string) (webhook.Organization, error) {
	now := webhook.Now()
	deleted, err := r.store.DeleteOrganization(ctx, id, now, now.Add(r.options.ErasureDelay))
	if err != nil {
		return webhook.Organization{}, err
	}
	select {
	case <-time.After(settle):
		return deleted, nil
	case <-ctx.Done():
		return webhook.Organization{}, ctx.Err()
	}
}
