package store

import (
	"context"

	"redrive/pkg/webhook"
)

// FindExplained returns what the database has for the explanation of one delivery of the organization, in four statements.
func (s *Store) FindExplained(ctx context.Context, organizationID, id string) (webhook.Explained, error) {
	found, err := s.ReadDeliveriesWithoutBodies(ctx, organizationID, []string{id})
	if err != nil {
		return webhook.Explained{}, err
	}
	if len(found) == 0 {
		return webhook.Explained{}, webhook.NotFound("delivery", id)
	}
	explained := webhook.Explained{Record: found[0]}
	endpoint, err := s.FindEndpointEver(ctx, organizationID, found[0].Delivery.EndpointID)
	switch {
	case err == nil:
		explained.Endpoint = &endpoint
	case webhook.CodeOf(err) != webhook.CodeNotFound:
		return webhook.Explained{}, err
	}
	size, err := s.SizeEvent(ctx, organizationID, found[0].Delivery.EventID)
	if err != nil && webhook.CodeOf(err) != webhook.CodeNotFound { // it may have been purged
		return webhook.Explained{}, err
	}
	explained.DataSize = size.Bytes
	explained.Superseded, err = s.findSuperseded(ctx, found[0].Delivery)
	return explained, err
}

// findSuperseded returns the attempt that was in flight when the delivery ended otherwise, without its body: the last of the delivery's
// attempts, if it is superseded. It looks only where that can be.
func (s *Store) findSuperseded(ctx context.Context, d webhook.Delivery) (*webhook.Attempt, error) {
	if d.Status != webhook.StatusFailure || d.FailureReason == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	var rows []attemptRow
	err := s.db.WithContext(ctx).Omit("ResponseBody").Where("organization_id = ? AND delivery_id = ?", d.OrganizationID, d.ID).
		Order("number DESC").Limit(1).Find(&rows).Error
	if err != nil {
		return nil, s.translate("find a superseded attempt", err)
	}
	if len(rows) == 0 || rows[0].Outcome != string(webhook.AttemptSuperseded) {
		return nil, nil //nolint:nilnil // there is none
	}
	attempt := rows[0].attempt()
	return &attempt, nil
}

// FindRevision returns the revision of one delivery of the organization. It rises with every change of state.
func (s *Store) FindRevision(ctx context.Context, organizationID, id string) (int64, error) {
	var row deliveryRow
	err := s.db.WithContext(ctx).Select("revision").Where("id = ? AND organization_id = ?", id, organizationID).Take(&row).Error
	return row.Revision, s.translate("find a delivery's revision", notFound(err, "delivery", id))
}
