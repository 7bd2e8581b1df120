// Package endpoints creates and changes endpoints.
package endpoints

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

// Store is the part of the database that this package uses.
type Store interface {
	CreateEndpoint(ctx context.Context, e webhook.Endpoint) error
	ChangeEndpoint(ctx context.Context, organizationID, id string, change webhook.EndpointChange) (webhook.Endpoint, error)
}

// Destinations checks whether webhooks may be sent to a URL. Check returns an error of the domain if not.
type Destinations interface {
	Check(ctx context.Context, url string) error
}

// Registry creates and changes endpoints.
type Registry struct {
	store        Store
	destinations Destinations
}

// New makes a Registry.
func New(store Store, destinations Destinations) *Registry {
	return &Registry{store: store, destinations: destinations}
}

// Create creates an endpoint and returns it with its signing secret. The secret is the one in the spec, or a generated one.
func (r *Registry) Create(ctx context.Context, by webhook.APIKey, spec webhook.EndpointSpec) (webhook.Endpoint, webhook.Secret, error) {
	if err := check(spec); err != nil {
		return webhook.Endpoint{}, "", err
	}
	if err := r.destinations.Check(ctx, spec.URL); err != nil {
		return webhook.Endpoint{}, "", err
	}
	secret, err := secretOf(spec)
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	endpoint := webhook.NewEndpoint(by.OrganizationID, by.ID, spec, secret, webhook.Now())
	if err := r.store.CreateEndpoint(ctx, endpoint); err != nil {
		return webhook.Endpoint{}, "", err
	}
	return endpoint, secret, nil
}

// RegenerateSecret generates a new signing secret for the endpoint. The previous secret signs beside it for overlapHours, or for a day if
// overlapHours is nil.
func (r *Registry) RegenerateSecret(ctx context.Context, by webhook.APIKey, id string, overlapHours *int) (webhook.Endpoint, webhook.Secret, error) {
	overlap, err := webhook.Overlap(overlapHours)
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	secret, err := newSecret()
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	endpoint, err := r.Change(ctx, by, id, webhook.RegeneratingSecret(by.ID, secret, overlap, webhook.Now()))
	if err != nil {
		return webhook.Endpoint{}, "", err
	}
	return endpoint, secret, nil
}

// Patch changes the fields of an endpoint that the patch has, and returns the endpoint. A new URL is checked as at creation.
func (r *Registry) Patch(ctx context.Context, by webhook.APIKey, id string, patch webhook.EndpointPatch) (webhook.Endpoint, error) {
	if err := patch.Check(); err != nil {
		return webhook.Endpoint{}, err
	}
	if patch.URL.Present {
		if err := r.destinations.Check(ctx, patch.URL.Value); err != nil {
			return webhook.Endpoint{}, err
		}
	}
	return r.Change(ctx, by, id, patch.Change(by.ID, webhook.Now()))
}

// Change makes a change of an endpoint of the key's organization and returns the endpoint.
func (r *Registry) Change(ctx context.Context, by webhook.APIKey, id string, change webhook.EndpointChange) (webhook.Endpoint, error) {
	return r.store.ChangeEndpoint(ctx, by.OrganizationID, id, change)
}

// check returns an error with everything that is wrong with a spec. It adds the check of the signing secret to the checks of the domain,
// because only package signing knows the form of a secret.
func check(spec webhook.EndpointSpec) error {
	err := spec.Check()
	if spec.SigningSecret == nil {
		return err
	}
	if _, invalid := signing.Parse(spec.SigningSecret.Reveal()); invalid == nil {
		return err
	}
	detail := webhook.Detail{
		Reason: "invalid_secret", Field: "signingSecret",
		Message: "signingSecret must be whsec_ and the padded base64 of 24 to 64 bytes; leave it out to have one made",
	}
	var refused *webhook.Error
	if errors.As(err, &refused) {
		return webhook.InvalidAll(append(slices.Clone(refused.Details), detail))
	}
	return webhook.InvalidAll([]webhook.Detail{detail})
}

func secretOf(spec webhook.EndpointSpec) (webhook.Secret, error) {
	if spec.SigningSecret != nil {
		return *spec.SigningSecret, nil
	}
	return newSecret()
}

func newSecret() (webhook.Secret, error) {
	secret, err := signing.NewSecret()
	if err != nil {
		return "", fmt.Errorf("make a signing secret: %w", err)
	}
	return webhook.Secret(secret), nil
}
