package store

import (
	"context"

	"redrive/pkg/webhook"
)

// FindOwner returns the resource that has the ID, or nil if there is none. Deleted endpoints and revoked keys are found as long as they are
// stored.
func (s *Store) FindOwner(ctx context.Context, id string) (*webhook.Resource, error) {
	found, err := s.findOwner(ctx, id)
	if webhook.CodeOf(err) == webhook.CodeNotFound {
		return nil, nil
	}
	return found, err
}

// findOwner is FindOwner with an error of the code not_found if no resource has the ID.
func (s *Store) findOwner(ctx context.Context, id string) (*webhook.Resource, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (*webhook.Resource, error) {
		return r.findOwner(ctx, id)
	}); answered {
		return found, err
	}
	kind, known := webhook.KindOf(id)
	if !known {
		return s.findOrganizationAsResource(ctx, id)
	}
	table, ok := map[webhook.Kind]any{
		webhook.KindDelivery: &deliveryRow{}, webhook.KindEvent: &eventRow{}, webhook.KindEndpoint: &endpointRow{},
		webhook.KindAttempt: &attemptRow{}, webhook.KindAPIKey: &apiKeyRow{}, webhook.KindChange: &endpointChangeRow{},
		webhook.KindBulkJob: &bulkJobRow{}, webhook.KindConsoleSession: &consoleSessionRow{},
	}[kind]
	if !ok {
		return nil, webhook.NotFound("resource", id)
	}
	var owners []string
	if err := s.db.WithContext(ctx).Model(table).Where(s.is("id", id)).Limit(1).Pluck("organization_id", &owners).Error; err != nil {
		return nil, s.translate("look up an id", err)
	}
	if len(owners) == 0 {
		return nil, webhook.NotFound("resource", id)
	}
	return &webhook.Resource{Kind: kind, ID: id, OrganizationID: owners[0]}, nil
}

func (s *Store) findOrganizationAsResource(ctx context.Context, id string) (*webhook.Resource, error) {
	organization, err := s.FindOrganization(ctx, id)
	if err != nil {
		return nil, err
	}
	return &webhook.Resource{ID: organization.ID, OrganizationID: organization.ID}, nil
}
