package store

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// dueAt returns the SQL expression of the due time of a pending delivery: the time of the request, or the database's clock if that is
// earlier. The clock of the requesting process may be minutes ahead. Until then, ListDue would not list a delivery that is missing in the
// queue.
func (s *Store) dueAt(asked time.Time) clause.Expr {
	if s.dialect.Postgres {
		return gorm.Expr("LEAST(CAST(? AS timestamptz), now())", asked)
	}
	if now := webhook.Now(); now.Before(asked) { // SQLite runs in this process and has the same clock
		asked = now
	}
	return gorm.Expr("?", asked)
}

// instant returns the SQL expression of the time by the database's clock. Unlike now(), it advances within a transaction.
func (s *Store) instant() clause.Expr {
	if s.dialect.Postgres {
		return gorm.Expr("clock_timestamp()")
	}
	return gorm.Expr("?", webhook.Now()) // SQLite runs in this process and has the same clock
}

// databaseTime returns the time by the database's clock.
func (s *Store) databaseTime(tx *gorm.DB) (now time.Time, err error) {
	if !s.dialect.Postgres {
		return webhook.Now(), nil
	}
	err = tx.Raw("SELECT clock_timestamp()").Row().Scan(&now)
	return now.UTC(), err
}

// dueByNow corrects the due times of an event's deliveries that are ahead of the database's clock.
func (s *Store) dueByNow(tx *gorm.DB, eventID string, asked time.Time) error {
	due := s.dueAt(asked)
	return tx.Model(&deliveryRow{}).Where("event_id = ? AND status = 'pending' AND next_retry_at > ?", eventID, due).
		UpdateColumn("next_retry_at", due).Error
}

// earlier returns the earlier of two times. A time that is zero is later than every other.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
