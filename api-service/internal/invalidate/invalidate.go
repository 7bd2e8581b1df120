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

// ChangeEndpoint changes an endpoint. It invalidates after an error too, because the commit may have succeeded.
func (s Store) ChangeEndpoint(ctx context.Context, organizationID, id string, change webhook.EndpointChange) (webhook.Endpoint, error) {
	defer s.Publisher.Invalidate(organizationID)
	return s.Store.ChangeEndpoint(ctx, organizationID, id, change)
}

// IssueAPIKey inserts a key, which may have been looked up before.
func (s Store) IssueAPIKey(ctx context.Context, key webhook.APIKey) error {
	defer s.Authenticator.Invalidate(key)
	return s.Store.IssueAPIKey(ctx, key)
}

// RevokeAPIKeyOf revokes one of the organization's keys, and its descendants if they are asked for.
func (s Store) RevokeAPIKeyOf(ctx context.Context, organizationID, id string, r store.Revocation, now time.Time) (webhook.APIKey, error) {
	key, err := s.Store.RevokeAPIKeyOf(ctx, organizationID, id, r, now)
	switch {
	case err != nil:
	case r.Descendants:
		s.Authenticator.InvalidateOrganization(organizationID)
	default:
		s.Authenticator.Invalidate(key)
	}
	return key, err
}

// PutOrganization creates, changes or restores an organization. It invalidates after an error too, because the commit may have succeeded.
func (s Store) PutOrganization(ctx context.Context, id string, change webhook.OrganizationChange, now time.Time) (webhook.Organization, error) {
	defer s.Authenticator.InvalidateOrganization(id)
	return s.Store.PutOrganization(ctx, id, change, now)
}

// DeleteOrganization deletes an organization. It invalidates after an error too, because the commit may have succeeded.
func (s Store) DeleteOrganization(ctx context.Context, id string, now, eraseAfter time.Time) (webhook.Organization, error) {
	defer s.Authenticator.InvalidateOrganization(id)
	return s.Store.DeleteOrganization(ctx, id, now, eraseAfter)
}
