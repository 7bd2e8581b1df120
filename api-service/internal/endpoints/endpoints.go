// Package endpoints registers the endpoints that events are sent to, and rotates their signing secrets.
package endpoints

import (
	"context"
	"fmt"
	"time"

	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

// Store is what registering needs of the database.
type Store interface {
	CreateEndpoint(ctx context.Context, e webhook.Endpoint) error
	RotateSecret(ctx context.Context, organizationID, id string, secret webhook.Secret, overlap time.Duration, now time.Time) (webhook.Endpoint, error)
}

// Destinations says whether a URL may be sent to: egress.Guard. Its error is one of the domain's.
type Destinations interface {
	Check(ctx context.Context, url string) error
}

// Registry registers endpoints.
type Registry struct {
	store        Store
	destinations Destinations
}

// New makes a Registry.
func New(store Store, destinations Destinations) *Registry {
	return &Registry{store: store, destinations: destinations}
}

// Create registers an endpoint and returns it with its one signing secret.
func (r *Registry) Create(ctx context.Context, by webhook.APIKey, spec webhook.EndpointSpec) (webhook.Endpoint, webhook.Secret, error) {
	if err := spec.Check(); err != nil {
		return webhook.Endpoint{}, "", err
	}
	if err := r.destinations.Check(ctx, spec.URL); err != nil {
		return webhook.Endpoint{}, "", err
	}
	secret, err := newSecret()
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	endpoint := webhook.NewEndpoint(by.OrganizationID, by.ID, spec, secret, webhook.Now())
	if err := r.store.CreateEndpoint(ctx, endpoint); err != nil {
		return webhook.Endpoint{}, "", err
	}
	return endpoint, secret, nil
}

// RegenerateSecret gives the endpoint a new signing secret; the one before goes on signing beside it for a day.
func (r *Registry) RegenerateSecret(ctx context.Context, organizationID, id string) (webhook.Endpoint, webhook.Secret, error) {
	secret, err := newSecret()
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	endpoint, err := r.store.RotateSecret(ctx, organizationID, id, secret, webhook.DefaultSecretGrace, webhook.Now())
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	return endpoint, secret, nil
}

func newSecret() (webhook.Secret, error) {
	secret, err := signing.NewSecret()
	if err != nil {
		return "", fmt.Errorf("make a signing secret: %w", err)
	}
	return webhook.Secret(secret), nil
}
