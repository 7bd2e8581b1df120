package store

import (
	"context"

	"redrive/pkg/webhook"
)

// FindDeliveryOfAttempt returns the ID of the delivery of an attempt. The error has the code not_found if the organization has no such
// attempt.
func (s *Store) FindDeliveryOfAttempt(ctx context.Context, organizationID, attemptID string) (string, error) {
	var deliveries []string
	err := s.db.WithContext(ctx).Model(&attemptRow{}).Where("id = ? AND organization_id = ?", attemptID, organizationID).
		Limit(1).Pluck("delivery_id", &deliveries).Error
	switch {
	case err != nil:
		return "", s.translate("find the delivery of an attempt", err)
	case len(deliveries) == 0:
		return "", webhook.NotFound("attempt", attemptID)
	}
	return deliveries[0], nil
}

// ListAPIKeysByPrefix returns the keys of all organizations, and platform keys, whose visible prefix is the text. It returns at most limit
// keys, the newest first.
func (s *Store) ListAPIKeysByPrefix(ctx context.Context, prefix string, limit int) ([]webhook.APIKey, error) {
	var rows []apiKeyRow
	if err := s.db.WithContext(ctx).Where("key_prefix = ?", prefix).Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, s.translate("find API keys by their prefix", err)
	}
	keys := make([]webhook.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = row.apiKey()
	}
	return keys, nil
}
