package store

import (
	"context"
	"errors"
	"time"

	"redrive/pkg/webhook"
)

// LaneCursor is a place in a lane to read on from.
type LaneCursor struct {
	webhook.Lane
	After webhook.Position
}

// ReadLanes returns, for each cursor, up to limit waiting deliveries behind it in the lane's order, due or not. The result is in the
// order of the cursors. It reads one index and never a row that has ended. The lanes of endpoints that are paused or deleted are empty.
func (s *Store) ReadLanes(ctx context.Context, cursors []LaneCursor, limit int) ([][]Due, error) {
	if len(cursors) == 0 {
		return nil, nil
	}
	read := s.readLanesOneByOne
	if s.dialect.Postgres {
		read = s.readLanesTogether
	}
	lanes, err := read(ctx, cursors, limit)
	return lanes, s.translate("read the backlog", err)
}

const readLanesSQL = `WITH l AS MATERIALIZED (
	SELECT * FROM unnest(CAST(? AS text[]), CAST(? AS smallint[]), CAST(? AS timestamptz[]), CAST(? AS text[]))
		WITH ORDINALITY AS l (endpoint_id, priority, due, id, n)
	WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.id = l.endpoint_id AND ` + heldEndpoint + `)
)
SELECT l.n, d.id, d.status, d.queue, d.next_retry_at, d.orphan_count
FROM l CROSS JOIN LATERAL (
	SELECT id, status, queue, next_retry_at, orphan_count FROM deliveries
	WHERE endpoint_id = l.endpoint_id AND priority = l.priority AND status IN ('pending', 'retrying')
		AND (next_retry_at, id) > (l.due, l.id COLLATE "C")
	ORDER BY next_retry_at, id LIMIT ?
) d ORDER BY l.n, d.next_retry_at, d.id`

func (s *Store) readLanesTogether(ctx context.Context, cursors []LaneCursor, limit int) (lanes [][]Due, err error) {
	endpoints, priorities := make([]string, len(cursors)), make([]webhook.Priority, len(cursors))
	times, ids := make([]time.Time, len(cursors)), make([]string, len(cursors))
	for i, c := range cursors {
		endpoints[i], priorities[i], times[i], ids[i] = c.EndpointID, c.Priority, c.After.DueAt, c.After.DeliveryID
	}
	rows, err := s.db.WithContext(ctx).Raw(readLanesSQL, array{endpoints}, array{priorities}, array{times}, array{ids}, limit).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	lanes = make([][]Due, len(cursors))
	for rows.Next() {
		var n int
		var d Due
		if err := rows.Scan(&n, &d.ID, &d.Status, &d.Queue, &d.NextRetryAt, &d.Orphans); err != nil {
			return nil, err
		}
		d.NextRetryAt, d.Lane = d.NextRetryAt.UTC(), cursors[n-1].Lane
		lanes[n-1] = append(lanes[n-1], d)
	}
	return lanes, rows.Err()
}

func (s *Store) readLanesOneByOne(ctx context.Context, cursors []LaneCursor, limit int) ([][]Due, error) {
	lanes := make([][]Due, len(cursors))
	for i, c := range cursors {
		var rows []deliveryRow
		err := s.waiting(ctx).Where("endpoint_id = ? AND priority = ?", c.EndpointID, c.Priority).
			Where("(next_retry_at, id) > (?, ?)", c.After.DueAt.UTC(), c.After.DeliveryID).
			Where("NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.id = ? AND "+heldEndpoint+")", c.EndpointID).
			Order("next_retry_at, id").Limit(limit).Find(&rows).Error
		if err != nil {
			return nil, err
		}
		lanes[i] = dueOf(rows)
	}
	return lanes, nil
}

// ListLanes returns up to limit lanes with waiting deliveries, ordered by endpoint and priority, from behind a lane on; the zero Lane
// begins at the first. In PostgreSQL its cost depends on the number of lanes and not on the number of deliveries.
func (s *Store) ListLanes(ctx context.Context, after webhook.Lane, limit int) ([]webhook.Lane, error) {
	query := listLanesDistinctSQL
	if s.dialect.Postgres {
		query = listLanesSQL
	}
	first := after.Priority
	if after.EndpointID == "" {
		first = webhook.PriorityHead
	}
	var lanes []webhook.Lane
	err := s.db.WithContext(ctx).Raw(query, after.EndpointID, first, limit).Scan(&lanes).Error
	return lanes, s.translate("list the lanes with waiting deliveries", err)
}

const (
	// listLanesSQL jumps from lane to lane in the index.
	listLanesSQL = `WITH RECURSIVE lanes AS (
	(SELECT organization_id, endpoint_id, priority FROM deliveries
		WHERE status IN ('pending', 'retrying') AND (endpoint_id, priority) > (?, ?) ORDER BY endpoint_id, priority LIMIT 1)
	UNION ALL
	SELECT d.organization_id, d.endpoint_id, d.priority FROM lanes l CROSS JOIN LATERAL (
		SELECT organization_id, endpoint_id, priority FROM deliveries
		WHERE status IN ('pending', 'retrying') AND (endpoint_id, priority) > (l.endpoint_id, l.priority) ORDER BY endpoint_id, priority LIMIT 1
	) d
) SELECT organization_id, endpoint_id, priority FROM lanes LIMIT ?`

	listLanesDistinctSQL = `SELECT DISTINCT organization_id, endpoint_id, priority FROM deliveries
WHERE status IN ('pending', 'retrying') AND (endpoint_id, priority) > (?, ?) ORDER BY endpoint_id, priority LIMIT ?`
)
