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
	"log/slog"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/webhook"
)

// Store is the part of the database that this package uses.
type Store interface {
	FindOrganization(ctx context.Context, id string) (webhook.Organization, error)
	PutOrganization(ctx context.Context, id string, change webhook.OrganizationChange, now time.Time) (webhook.Organization, error)
	DeleteOrganization(ctx context.Context, id string, now, eraseAfter time.Time) (webhook.Organization, error)
	ListLanesOf(ctx context.Context, organizationID string, after webhook.Lane, limit int) ([]webhook.Lane, error)
}

// Lanes opens lanes, so that dispatchers claim their waiting deliveries. queue.Lanes implements it.
type Lanes interface {
	Open(ctx context.Context, lanes []webhook.Lane) error
}

// Options configure a Registry.
type Options struct {
	// ErasureDelay is how long a deleted organization can be restored.
	ErasureDelay time.Duration
	// Lanes are opened when an organization is restored. Without them the reconciler finds the organization's deliveries that are due.
	Lanes Lanes
	// Log is required by Put with Lanes.
	Log *slog.Logger
}

// Registry creates, changes and deletes organizations. It is safe for concurrent use.
type Registry struct {
	store   Store
	options Options
}

// New makes a Registry.
func New(store Store, options Options) *Registry { return &Registry{store, options} }

// Put creates an organization, changes it, or restores a deleted one. It returns an error with the code conflict if the delay has passed.
// It opens the lanes of a restored organization, so that dispatchers claim its waiting deliveries. If Redis is unavailable, the reconciler
// finds those that are due.
func (r *Registry) Put(ctx context.Context, id string, change webhook.OrganizationChange) (webhook.Organization, error) {
	if err := webhook.CheckOrganizationID(id); err != nil {
		return webhook.Organization{}, err
	}
	if err := change.Check(); err != nil {
		return webhook.Organization{}, err
	}
	before, err := r.store.FindOrganization(ctx, id)
	if err != nil && webhook.CodeOf(err) != webhook.CodeNotFound {
		return webhook.Organization{}, err
	}
	o, err := r.store.PutOrganization(ctx, id, change, webhook.Now())
	if err != nil {
		return webhook.Organization{}, err
	}
	if before.Deleted() && r.options.Lanes != nil {
		if err := r.open(ctx, id); err != nil {
			r.options.Log.WarnContext(ctx, "lanes of an organization not opened, left to the reconciler", "organizationId", id, "error", err)
		}
	}
	return o, nil
}

// Restore restores a deleted organization. It creates none, and it changes nothing of one that is not deleted. With Options.Lanes it has the
// waiting deliveries claimed. If that fails, unopened is the error: the organization is restored all the same, and the reconciler finds
// those of its deliveries that are due.
func (r *Registry) Restore(ctx context.Context, id string) (unopened, err error) {
	if _, err := r.store.FindOrganization(ctx, id); err != nil {
		return nil, err
	}
	if _, err := r.store.PutOrganization(ctx, id, webhook.OrganizationChange{}, webhook.Now()); err != nil {
		return nil, err
	}
	if r.options.Lanes == nil {
		return nil, nil
	}
	return r.open(ctx, id), nil
}

const (
	// openTimeout bounds how long a restore waits for the lanes of its organization.
	openTimeout = 2 * time.Second
	// lanesAtOnce bounds one statement and one script.
	lanesAtOnce = 500
)

// open opens the lanes of an organization.
func (r *Registry) open(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	for after := (webhook.Lane{}); ; {
		lanes, err := r.store.ListLanesOf(ctx, id, after, lanesAtOnce)
		if err == nil {
			err = r.options.Lanes.Open(ctx, lanes)
		}
		if err != nil {
			return err
		}
		if len(lanes) < lanesAtOnce {
			return nil
		}
		after = lanes[len(lanes)-1]
	}
}

// Delete deletes an organization. It returns when no attempt of the organization can start any more. An organization that is deleted
// already is returned as it is.
func (r *Registry) Delete(ctx context.Context, id string) (webhook.Organization, error) {
	now := webhook.Now()
	deleted, err := r.store.DeleteOrganization(ctx, id, now, now.Add(r.options.ErasureDelay))
	if err != nil {
		return webhook.Organization{}, err
	}
	if err := lifecycle.Sleep(ctx, webhook.EndpointSettled); err != nil {
		return webhook.Organization{}, err
	}
	return deleted, nil
}
