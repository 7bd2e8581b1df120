package app

import (
	"context"
	"time"

	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/publish"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// changes is the database as those see it who change endpoints and keys: whoever publishes or comes with the key in this process
// next knows of it. Other processes learn of it within a second.
type changes struct {
	*store.Store
	subscriptions *publish.Recent
	authenticator *authn.Authenticator
}

func (c changes) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	defer c.subscriptions.Changed(e.OrganizationID) // also when the answer to the commit was lost
	return c.Store.CreateEndpoint(ctx, e)
}

func (c changes) SetEndpointStatus(ctx context.Context, organizationID, id string, status webhook.EndpointStatus, now time.Time) (webhook.Endpoint, error) {
	defer c.subscriptions.Changed(organizationID)
	return c.Store.SetEndpointStatus(ctx, organizationID, id, status, now)
}

func (c changes) CreateAPIKey(ctx context.Context, key webhook.APIKey) error {
	defer c.authenticator.Forget(key) // it may have been looked up before it existed
	return c.Store.CreateAPIKey(ctx, key)
}

func (c changes) RevokeAPIKeyOf(ctx context.Context, organizationID, id string, now time.Time) (webhook.APIKey, error) {
	key, err := c.Store.RevokeAPIKeyOf(ctx, organizationID, id, now)
	if err == nil {
		c.authenticator.Forget(key)
	}
	return key, err
}
