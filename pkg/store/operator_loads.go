package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"redrive/pkg/webhook"
)

// mostLanes bounds the lanes that ListLoads looks at. PostgreSQL takes some 10 µs for each.
const mostLanes = 20_000

// ListLoads returns up to limit organizations, those with the most waiting deliveries first, and then those whose deliveries have been due
// for longest. It also reports whether other organizations have waiting deliveries. The time that it takes is bounded, however many deliveries
// wait: it walks over the first mostLanes lanes, and counts in rounds, see countLoads. Beyond these bounds an organization may be missing.
// Failed deliveries are counted from the merged statistics, which are about a second old.
func (s *Store) ListLoads(ctx context.Context, now time.Time, limit int) (loads []webhook.OrganizationLoad, more bool, err error) {
	lanes, err := s.walkLanes(ctx)
	if err != nil {
		return nil, false, s.translate("list the lanes of all organizations", err)
	}
	waiting := waitingOf(lanes)
	err = countLoads(waiting, limit, func(organizations []*organizationLanes, limit int) (map[string]int, error) {
		return s.countLanes(ctx, organizations, limit)
	})
	if err != nil {
		return nil, false, s.translate("count waiting deliveries by organization", err)
	}
	slices.SortFunc(waiting, (*organizationLanes).compareLoad)
	more = len(waiting) > limit || len(lanes) == mostLanes
	for _, o := range waiting[:min(limit, len(waiting))] {
		loads = append(loads, o.OrganizationLoad)
	}
	return loads, more, s.addToLoads(ctx, now, loads)
}

// laneRow is a lane with the first of its deliveries.
type laneRow struct {
	OrganizationID, EndpointID string
	NextRetryAt                time.Time
	Open                       bool // its deliveries are sent when they are due
}

// walkLanes returns the first mostLanes lanes, a lane for each priority of an endpoint.
func (s *Store) walkLanes(ctx context.Context) ([]laneRow, error) {
	query := walkLanesSQL
	if s.dialect.Postgres {
		query = walkLanesPostgresSQL
	}
	var lanes []laneRow
	return lanes, s.db.WithContext(ctx).Raw(query, mostLanes).Scan(&lanes).Error
}

const (
	// walkLanesPostgresSQL jumps from lane to lane in the index, to the delivery that is due first.
	walkLanesPostgresSQL = `WITH RECURSIVE lanes AS (
	(SELECT organization_id, endpoint_id, priority, next_retry_at FROM deliveries
		WHERE status IN ('pending', 'retrying') ORDER BY endpoint_id, priority, next_retry_at, id LIMIT 1)
	UNION ALL
	SELECT d.organization_id, d.endpoint_id, d.priority, d.next_retry_at FROM lanes l CROSS JOIN LATERAL (
		SELECT organization_id, endpoint_id, priority, next_retry_at FROM deliveries
		WHERE status IN ('pending', 'retrying') AND (endpoint_id, priority) > (l.endpoint_id, l.priority)
		ORDER BY endpoint_id, priority, next_retry_at, id LIMIT 1
	) d
)
SELECT l.organization_id, l.endpoint_id, l.next_retry_at, ` + openLane + ` AS open
FROM (SELECT organization_id, endpoint_id, next_retry_at FROM lanes LIMIT ?) l`

	walkLanesSQL = `SELECT l.organization_id, l.endpoint_id, l.next_retry_at, ` + openLane + ` AS open
FROM endpoints n CROSS JOIN ` + prioritiesSQL + ` p JOIN deliveries l ON l.id = (
	SELECT w.id FROM deliveries w WHERE w.endpoint_id = n.id AND w.priority = p.priority AND w.status IN ('pending', 'retrying')
	ORDER BY w.next_retry_at, w.id LIMIT 1
) LIMIT ?`
)

// organizationLanes are an organization and its endpoints that have waiting deliveries.
type organizationLanes struct {
	webhook.OrganizationLoad
	endpoints []string
}

// waitingOf returns the organizations of lanes.
func waitingOf(lanes []laneRow) []*organizationLanes {
	var waiting []*organizationLanes
	known := map[string]*organizationLanes{}
	for _, l := range lanes {
		o := known[l.OrganizationID]
		if o == nil {
			o = &organizationLanes{OrganizationLoad: webhook.OrganizationLoad{ID: l.OrganizationID}}
			known[l.OrganizationID] = o
			waiting = append(waiting, o)
		}
		if l.Open {
			o.OldestDueAt = earlier(o.OldestDueAt, l.NextRetryAt.UTC())
		}
		if last := len(o.endpoints) - 1; last < 0 || o.endpoints[last] != l.EndpointID { // lanes of an endpoint follow each other
			o.endpoints = append(o.endpoints, l.EndpointID)
		}
	}
	return waiting
}

// compareLoad orders organizations by the number of their waiting deliveries, the largest first.
func (o *organizationLanes) compareLoad(other *organizationLanes) int {
	return cmp.Or(cmp.Compare(other.Waiting, o.Waiting), o.compareDue(other))
}

// compareDue orders organizations by their oldest due times. Those of which nothing is sent are last.
func (o *organizationLanes) compareDue(other *organizationLanes) int {
	if held, otherHeld := o.OldestDueAt.IsZero(), other.OldestDueAt.IsZero(); held != otherHeld {
		if held {
			return 1
		}
		return -1
	}
	return cmp.Or(o.OldestDueAt.Compare(other.OldestDueAt), cmp.Compare(o.ID, other.ID))
}
