package store

import (
	"context"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// changesJudged bounds the changes that are read to judge the endpoints without a delivery. Beyond, their reasons are unknown.
const changesJudged = 20_000

// FindFanOut returns an event of the organization with its deliveries and the endpoints that have none.
func (s *Store) FindFanOut(ctx context.Context, organizationID, eventID string) (webhook.FanOut, error) {
	event, err := s.FindEvent(ctx, organizationID, eventID)
	if err != nil {
		return webhook.FanOut{}, err
	}
	fan := webhook.FanOut{Event: event}
	var rows []deliveryRow
	// The expressions keep the planner at the index of the event.
	err = s.db.WithContext(ctx).Select("id", "endpoint_id", "status", "replay_of", "test").
		Where("event_id = ? AND organization_id || '' = ?", eventID, organizationID).Order("id || '' DESC").Limit(webhook.MaxFanOut).Find(&rows).Error
	if err != nil {
		return webhook.FanOut{}, s.translate("list the deliveries of an event", err)
	}
	for _, row := range rows {
		fan.Deliveries = append(fan.Deliveries, row.delivery())
	}
	test := slices.ContainsFunc(rows, func(row deliveryRow) bool { return row.Test })
	if test || webhook.ReservedEventType(event.Type) {
		return fan, nil
	}
	histories, err := s.withoutDelivery(ctx, event)
	if err != nil {
		return webhook.FanOut{}, s.translate("find the endpoints without a delivery", err)
	}
	for _, h := range histories {
		if reason, shown := h.WhyNone(event); shown && len(fan.Without) < webhook.MaxFanOut {
			fan.Without = append(fan.Without, webhook.WithoutDelivery{EndpointID: h.Endpoint.ID, Reason: reason})
		}
	}
	return fan, nil
}

// withoutDelivery returns the endpoints without a delivery of the event, newest first, with their changes since shortly before it.
func (s *Store) withoutDelivery(ctx context.Context, event webhook.Event) ([]webhook.EndpointHistory, error) {
	var rows []endpointRow
	err := s.db.WithContext(ctx).Where("organization_id = ? AND (deleted_at IS NULL OR deleted_at >= ?)", event.OrganizationID, event.CreatedAt.Add(-webhook.DeletedShown)).
		Where("NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = ? AND d.endpoint_id = endpoints.id)", event.ID).
		Order("id DESC").Limit(webhook.MaxFanOut).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	uncertain := event.CreatedAt.Add(-webhook.ChangeUncertain)
	var changed []string
	for _, row := range rows {
		if row.UpdatedAt.After(uncertain) && !row.CreatedAt.After(event.CreatedAt) {
			changed = append(changed, row.ID)
		}
	}
	changes, recorded, err := s.changesSince(ctx, changed, uncertain)
	if err != nil {
		return nil, err
	}
	histories := make([]webhook.EndpointHistory, len(rows))
	for i, row := range rows {
		histories[i] = webhook.EndpointHistory{Endpoint: row.endpoint(), Changes: changes[row.ID], Recorded: recorded[row.ID]}
	}
	return histories, nil
}

// changesSince returns the changes of endpoints after a time that decide about deliveries, oldest first, and the endpoints whose record
// reaches back to that time.
func (s *Store) changesSince(ctx context.Context, endpointIDs []string, since time.Time) (map[string][]webhook.EndpointChanged, map[string]bool, error) {
	changes, recorded := map[string][]webhook.EndpointChanged{}, map[string]bool{}
	if len(endpointIDs) == 0 {
		return changes, recorded, nil
	}
	first := webhook.FirstID(webhook.KindChange, since)
	var rows []endpointChangeRow
	err := s.db.WithContext(ctx).Where(s.oneOf("endpoint_id", endpointIDs)).Where("id >= ?", first).
		Where("change IN ('enabled', 'disabled') OR change = 'updated' AND before_fields LIKE '%\"subscribedEventTypes\"%'").
		Order("endpoint_id, id").Limit(changesJudged + 1).Find(&rows).Error
	if err != nil || len(rows) > changesJudged {
		return changes, recorded, err
	}
	for _, row := range rows {
		changes[row.EndpointID] = append(changes[row.EndpointID], row.change())
	}
	var known []string
	err = s.db.WithContext(ctx).Model(&endpointRow{}).Where(s.oneOf("id", endpointIDs)).
		Where("(SELECT 1 FROM endpoint_changes c WHERE c.endpoint_id = endpoints.id AND (c.id || '') < ? LIMIT 1) = 1", first).Pluck("id", &known).Error
	for _, id := range known {
		recorded[id] = true
	}
	return changes, recorded, err
}
