package publish

import (
	"context"

	"redrive/api-service/internal/recent"
	"redrive/pkg/webhook"
)

// Recent is Subscriptions that remembers for a moment whom the events of an organization may concern.
type Recent struct {
	subscriptions Subscriptions
	known         *recent.Cache[string, []webhook.Endpoint]
}

// Remember makes a Recent.
func Remember(subscriptions Subscriptions) *Recent {
	return &Recent{subscriptions: subscriptions, known: recent.New[string, []webhook.Endpoint]()}
}

// ListActiveEndpoints returns what is at most recent.Lifetime old. The list is shared, and not to be changed.
func (r *Recent) ListActiveEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	return r.known.Get(ctx, organizationID, func(ctx context.Context) ([]webhook.Endpoint, error) {
		return r.subscriptions.ListActiveEndpoints(ctx, organizationID)
	})
}

// Changed is for whoever has changed an endpoint of the organization.
func (r *Recent) Changed(organizationID string) { r.known.Forget(organizationID) }
