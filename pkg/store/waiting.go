package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// Waiting is how many deliveries wait, by status.
type Waiting struct {
	Pending, Retrying int
}

// countWaitingSQL reads at most two parts of one index, so that its cost does not depend on how many deliveries wait.
const countWaitingSQL = `SELECT status, count(*) AS deliveries FROM (
	SELECT status FROM (
		SELECT status FROM deliveries WHERE status IN ('pending', 'retrying') AND next_retry_at <= ? ORDER BY next_retry_at, id LIMIT ?
	) due
	UNION ALL
	SELECT status FROM (
		SELECT status FROM deliveries WHERE status IN ('pending', 'retrying') AND next_retry_at > ? ORDER BY next_retry_at, id LIMIT ?
	) later
) waiting GROUP BY status`

// CountWaiting counts waiting deliveries: the first limit that are due at a time, and the first limit that are due later. It is exact while
// neither part reaches the limit, and a lower bound beyond.
func (s *Store) CountWaiting(ctx context.Context, now time.Time, limit int) (Waiting, error) {
	var counted []struct {
		Status     string
		Deliveries int
	}
	err := s.db.WithContext(ctx).Raw(countWaitingSQL, now.UTC(), limit, now.UTC(), limit).Scan(&counted).Error
	if err != nil {
		return Waiting{}, s.translate("count waiting deliveries", err)
	}
	var w Waiting
	for _, c := range counted {
		if webhook.Status(c.Status) == webhook.StatusPending {
			w.Pending = c.Deliveries
		} else {
			w.Retrying = c.Deliveries
		}
	}
	return w, nil
}
