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
// order of the cursors. It reads one index and never a row that has ended. The lanes of endpoints that are paused or deleted, and those of
// deleted organizations, are empty.
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

// The limit is hidden from the planner, too. See parameterRows.
var readLanesSQL = newNumbered(`WITH l AS MATERIALIZED (
	SELECT l.* FROM ` + parameterRows("l", "organization_id text", "endpoint_id text", "priority smallint", "due timestamptz", "id text",
	"n integer") + `
	WHERE ` + openLane + `
)
SELECT l.n, d.id, d.status, d.queue, d.next_retry_at, d.orphan_count
FROM l CROSS JOIN LATERAL (
	SELECT id, status, queue, next_retry_at, orphan_count FROM deliveries
	WHERE endpoint_id = l.endpoint_id AND priority = l.priority AND status IN ('pending', 'retrying')
		AND (next_retry_at, id) > (l.due, l.id COLLATE "C")
	ORDER BY next_retry_at, id LIMIT (SELECT CAST(? AS bigint))
) d ORDER BY l.n, d.next_retry_at, d.id`)

func (s *Store) readLanesTogether(ctx context.Context, cursors []LaneCursor, limit int) (lanes [][]Due, err error) {
	rows, err := readLanesSQL.rows(s.db.WithContext(ctx),
		column(cursors, func(c *LaneCursor) string { return c.OrganizationID }),
		column(cursors, func(c *LaneCursor) string { return c.EndpointID }),
		column(cursors, func(c *LaneCursor) webhook.Priority { return c.Priority }),
		column(cursors, func(c *LaneCursor) time.Time { return c.After.DueAt }),
		column(cursors, func(c *LaneCursor) string { return c.After.DeliveryID }),
		numbers(len(cursors)),
		limit)
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
		d.NextRetryAt, d.Lane = d.NextRetryAt.UTC(), cursors[n].Lane
		lanes[n] = append(lanes[n], d)
	}
	return lanes, rows.Err()
}

// numbers returns the numbers of a list of items as an array parameter.
func numbers(items int) array {
	all := make([]int, items)
	for i := range all {
		all[i] = i
	}
	return array{all}
}

func (s *Store) readLanesOneByOne(ctx context.Context, cursors []LaneCursor, limit int) ([][]Due, error) {
	lanes := make([][]Due, len(cursors))
	for i, c := range cursors {
		var rows []deliveryRow
		err := s.waiting(ctx).Where("endpoint_id = ? AND priority = ?", c.EndpointID, c.Priority).
			Where("(next_retry_at, id) > (?, ?)", c.After.DueAt.UTC(), c.After.DeliveryID).
			Where("EXISTS (SELECT 1 FROM (SELECT ? AS organization_id, ? AS endpoint_id) l WHERE "+openLane+")", c.OrganizationID, c.EndpointID).
			Order("next_retry_at, id").Limit(limit).Find(&rows).Error
		if err != nil {
			return nil, err
		}
		lanes[i] = dueOf(rows)
	}
	return lanes, nil
}

// ListLanesOf returns up to limit lanes of an organization with waiting deliveries, ordered by endpoint and priority, from behind a lane on.
// The zero Lane begins at the first. Its cost depends on the number of the organization's endpoints and not on the number of deliveries.
func (s *Store) ListLanesOf(ctx context.Context, organizationID string, after webhook.Lane, limit int) ([]webhook.Lane, error) {
	query := listLanesOfSQL
	if s.dialect.Postgres {
		query = listLanesOfPostgresSQL
	}
	var lanes []webhook.Lane
	err := s.db.WithContext(ctx).Raw(query, organizationID, after.EndpointID, after.Priority, limit).Scan(&lanes).Error
	return lanes, s.translate("list an organization's lanes with waiting deliveries", err)
}

const (
	prioritiesSQL = `(SELECT CAST(-1 AS smallint) AS priority UNION ALL SELECT 0 UNION ALL SELECT 1)`

	listLanesOfSQL = `SELECT e.organization_id, e.id AS endpoint_id, p.priority FROM endpoints e CROSS JOIN ` + prioritiesSQL + ` p
WHERE e.organization_id = ? AND (e.id, p.priority) > (?, ?) AND EXISTS (
	SELECT 1 FROM deliveries WHERE endpoint_id = e.id AND priority = p.priority AND status IN ('pending', 'retrying')
) ORDER BY e.id, p.priority LIMIT ?`

	// The order of the subquery is that of one index, which the planner therefore uses.
	listLanesOfPostgresSQL = `SELECT e.organization_id, e.id AS endpoint_id, p.priority FROM endpoints e CROSS JOIN ` + prioritiesSQL + ` p
CROSS JOIN LATERAL (
	SELECT endpoint_id, priority FROM deliveries
	WHERE status IN ('pending', 'retrying') AND (endpoint_id, priority) >= (e.id, p.priority) ORDER BY endpoint_id, priority LIMIT 1
) d
WHERE e.organization_id = ? AND (e.id, p.priority) > (?, ?) AND d.endpoint_id = e.id AND d.priority = p.priority
ORDER BY e.id, p.priority LIMIT ?`
)

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
