package storetest

import (
	"context"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// SetStatus enables or disables an endpoint.
func SetStatus(ctx context.Context, s *store.Store, organizationID, id string, status webhook.EndpointStatus, at time.Time) (webhook.Endpoint, error) {
	change := webhook.Enabling("key_x", at)
	if status == webhook.EndpointDisabled {
		change = webhook.Disabling("key_x", webhook.DisabledManually, at)
	}
	return s.ChangeEndpoint(ctx, organizationID, id, change)
}

// Rotate makes a secret the endpoint's current one.
func Rotate(ctx context.Context, s *store.Store, organizationID, id string, secret webhook.Secret, overlap time.Duration, at time.Time) (webhook.Endpoint, error) {
	return s.ChangeEndpoint(ctx, organizationID, id, webhook.RegeneratingSecret("key_x", secret, overlap, at))
}
