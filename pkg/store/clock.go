package store

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// dueAt is the SQL of when a pending delivery is due that was asked for at a time: then, or now by the database's clock if that is
// earlier. The clock of who asked may be minutes ahead, and ListDue would not see what it did not hand over until then.
func (s *Store) dueAt(asked time.Time) clause.Expr {
	if s.dialect.Postgres {
		return gorm.Expr("LEAST(CAST(? AS timestamptz), now())", asked)
	}
	if now := webhook.Now(); now.Before(asked) { // this process has the database to itself, and there is no other clock
		asked = now
	}
	return gorm.Expr("?", asked)
}

// dueByNow puts right what was written of an event by a clock that is ahead of the database's, and touches nothing otherwise.
func (s *Store) dueByNow(tx *gorm.DB, eventID string, asked time.Time) error {
	due := s.dueAt(asked)
	return tx.Model(&deliveryRow{}).Where("event_id = ? AND status = 'pending' AND next_retry_at > ?", eventID, due).
		UpdateColumn("next_retry_at", due).Error
}
