package store

import (
	"context"

	"redrive/pkg/webhook"
)

// Reserved is what uses event types that are reserved for Redrive, apart from tests.
type Reserved struct {
	EventTypes []string // of stored events
	Endpoints  []string // the IDs of endpoints that subscribe to such types
}

const (
	// reservedEvents bounds the events that FindReserved reads, and reservedListed what it lists of each kind.
	reservedEvents, reservedListed = 100_000, 100

	reservedTypesSQL = `SELECT DISTINCT event_type FROM (SELECT event_type FROM events ORDER BY id DESC LIMIT ?) AS newest
WHERE event_type LIKE ? AND event_type <> ? ORDER BY event_type LIMIT ?`

	reservedEndpointsSQL = `SELECT id FROM endpoints WHERE deleted_at IS NULL AND subscribed_event_types LIKE ? ORDER BY id LIMIT ?`
)

// FindReserved returns which of the newest events and which endpoints use event types that are reserved. It reads at most 100,000 events.
func (s *Store) FindReserved(ctx context.Context) (found Reserved, err error) {
	db := s.db.WithContext(ctx)
	pattern := beginningWith(webhook.ReservedPrefix)
	err = db.Raw(reservedTypesSQL, reservedEvents, pattern, webhook.EventTypeTest, reservedListed).Scan(&found.EventTypes).Error
	if err == nil {
		err = db.Raw(reservedEndpointsSQL, `%"`+pattern, reservedListed).Scan(&found.Endpoints).Error
	}
	return found, s.translate("find reserved event types", err)
}
