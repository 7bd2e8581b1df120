// Package invalidate keeps the caches of a process consistent with the writes of the same process. Other processes see a change when
// their cached values expire, which is within a second.
package invalidate

import (
	"context"
	"time"

	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/publish"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Store wraps the database and invalidates this process's caches after a write to an endpoint or an API key.
type Store struct {
	*store.Store
	Publisher     *publish.Publisher
	Authenticator *authn.Authenticator
}

// CreateEndpoint inserts an endpoint. It invalidates after an error too, because the commit may have succeeded.
func (s Store) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	defer s.Publisher.Invalidate(e.OrganizationID)
	return s.Store.CreateEndpoint(ctx, e)
}

// SetEndpointStatus enables or disables an endpoint. It invalidates after an error too, because the commit may have succeeded.
func (s Store) SetEndpointStatus(ctx context.Context, organizationID, id string, status webhook.EndpointStatus, now time.Time) (webhook.Endpoint, error) {
	defer s.Publisher.Invalidate(organizationID)
	return s.Store.SetEndpointStatus(ctx, organizationID, id, status, now)
}

// CreateAPIKey inserts a key, which may have been looked up before.
func (s Store) CreateAPIKey(ctx context.Context, key webhook.APIKey) error {
	defer s.Authenticator.Invalidate(key)
	return s.Store.CreateAPIKey(ctx, key)
}

// RevokeAPIKeyOf revokes one of the organization's keys.
func (s Store) RevokeAPIKeyOf(ctx context.Context, organizationID, id string, now time.Time) (webhook.APIKey, error) {
	key, err := s.Store.RevokeAPIKeyOf(ctx, organizationID, id, now)
	if err == nil {
		s.Authenticator.Invalidate(key)
	}
	return key, err
}
