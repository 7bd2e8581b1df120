package store

import (
	"context"
	"time"

	"redrive/pkg/webhook"
)

// CountWaitingBy counts the waiting deliveries of an organization, or of one of its endpoints, by status and up to a limit. Tests do not
// count. It reads only the index of the lanes, and the rows that it counts. Beyond the limit, the earliest due time is found by itself.
func (s *Store) CountWaitingBy(ctx context.Context, organizationID, endpointID string, limit int) (webhook.Waiting, error) {
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (webhook.Waiting, error) {
		return r.CountWaitingBy(ctx, organizationID, endpointID, limit)
	}); answered {
		return found, err
	}
	waiting := webhook.Waiting{AsOf: webhook.Now()}
	endpoints, arguments := s.waitingEndpoints(organizationID, endpointID)
	count := 0
	err := s.readDue(ctx, endpoints+s.waitingRows(), append(arguments, limit+1), func(status webhook.Status, due time.Time) {
		if count++; count > limit {
			waiting.Capped = true
			return
		}
		if status == webhook.StatusPending {
			waiting.Pending++
		} else {
			waiting.Retrying++
		}
		waiting.OldestDueAt = earlier(waiting.OldestDueAt, due)
	})
	if err == nil && waiting.Capped {
		err = s.readDue(ctx, endpoints+oldestWaitingSQL, arguments, func(_ webhook.Status, due time.Time) {
			waiting.OldestDueAt = earlier(waiting.OldestDueAt, due)
		})
	}
	return waiting, s.translate("count waiting deliveries", err)
}

// waitingEndpoints returns the beginning of a query, up to the endpoints e.
func (s *Store) waitingEndpoints(organizationID, endpointID string) (text string, arguments []any) {
	id := "id"
	if s.dialect.Postgres {
		id = `id COLLATE "default" AS id` // the index's
	}
	// The first part gives the columns their types in SQLite. OFFSET 0 keeps the planner from joining the tables in another order.
	text = "SELECT status, next_retry_at FROM deliveries WHERE 1 = 0 UNION ALL SELECT * FROM (SELECT d.status, d.next_retry_at FROM (SELECT " + id +
		" FROM endpoints WHERE organization_id = ?"
	arguments = []any{organizationID}
	if endpointID != "" {
		text += " AND id = ?"
		arguments = append(arguments, endpointID)
	}
	if s.dialect.Postgres {
		text += " OFFSET 0"
	}
	return text + ") AS e ", arguments
}

// waitingRows returns the end of the query: the waiting deliveries of the endpoints.
func (s *Store) waitingRows() string {
	if s.dialect.Postgres {
		return `CROSS JOIN LATERAL (
	SELECT status, next_retry_at FROM deliveries WHERE endpoint_id = e.id AND status IN ('pending', 'retrying') AND NOT test
) AS d LIMIT ?) AS found`
	}
	return `JOIN deliveries d ON d.endpoint_id = e.id AND d.status IN ('pending', 'retrying') AND NOT d.test LIMIT ?) AS found`
}

// oldestWaitingSQL is another end: the first delivery of each lane. The numbers are those of webhook.Priority.
const oldestWaitingSQL = `CROSS JOIN (SELECT -1 AS priority UNION ALL SELECT 0 UNION ALL SELECT 1) AS p
JOIN deliveries d ON d.id = (
	SELECT id FROM deliveries w WHERE w.endpoint_id = e.id AND w.priority = p.priority AND w.status IN ('pending', 'retrying') AND NOT w.test
	ORDER BY w.next_retry_at, w.id LIMIT 1
)) AS found`

// readDue reads the status and the due time of rows.
func (s *Store) readDue(ctx context.Context, query string, arguments []any, read func(status webhook.Status, due time.Time)) error {
	rows, err := s.db.WithContext(ctx).Raw(query, arguments...).Rows()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var status webhook.Status
		var due time.Time
		if err := rows.Scan(&status, &due); err != nil {
			return err
		}
		read(status, due.UTC())
	}
	return rows.Err()
}
