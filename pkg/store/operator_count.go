package store

import (
	"context"
	"slices"

	"redrive/pkg/webhook"
)

// countRounds are the limits of a count of an organization's waiting deliveries, round by round.
var countRounds = []int{100, 1_000, webhook.MaxCountedWaiting}

// countedPerRound bounds the deliveries that a round counts in all organizations together, beside the last round, which counts in all that are
// listed. PostgreSQL counts about a million a second: 930,000 waiting deliveries of 1,540 organizations took 0.4 s with twice this bound.
const countedPerRound = 100_000

// laneCounter counts the waiting deliveries of organizations, of each up to a limit.
type laneCounter func(organizations []*organizationLanes, limit int) (map[string]int, error)

// countLoads counts the waiting deliveries of organizations. Each round counts further in those that have reached the limit of the round
// before. If they are too many for countedPerRound, it takes those whose deliveries have been due for longest, and the others keep the lower
// count, as capped. So counts are exact up to webhook.MaxCountedWaiting unless more than 1,000 organizations have waiting deliveries, or many
// of them have a backlog.
func countLoads(waiting []*organizationLanes, most int, count laneCounter) error {
	candidates := waiting
	for i, limit := range countRounds {
		if i+1 < len(countRounds) && len(candidates) <= candidatesAt(countRounds[i+1], most) {
			continue // the next round can count all of them
		}
		if len(candidates) == 0 {
			return nil
		}
		if len(candidates) > candidatesAt(limit, most) {
			candidates = slices.SortedFunc(slices.Values(candidates), (*organizationLanes).compareDue)[:candidatesAt(limit, most)]
		}
		counts, err := count(candidates, limit+1)
		if err != nil {
			return err
		}
		var further []*organizationLanes
		for _, o := range candidates {
			o.Waiting, o.Capped = min(counts[o.ID], limit), counts[o.ID] > limit
			if o.Capped {
				further = append(further, o)
			}
		}
		candidates = further
	}
	return nil
}

// candidatesAt returns how many organizations a round with the limit counts: at least as many as are listed.
func candidatesAt(limit, most int) int { return max(most, countedPerRound/limit) }

// countLanes is a laneCounter. Tests count.
func (s *Store) countLanes(ctx context.Context, organizations []*organizationLanes, limit int) (map[string]int, error) {
	counts := make(map[string]int, len(organizations))
	if !s.dialect.Postgres {
		for _, o := range organizations {
			count, err := s.CountWaitingOf(ctx, o.ID, limit)
			if err != nil {
				return nil, err
			}
			counts[o.ID] = count
		}
		return counts, nil
	}
	var ids, endpoints []string
	for _, o := range organizations {
		for _, endpoint := range o.endpoints {
			ids, endpoints = append(ids, o.ID), append(endpoints, endpoint)
		}
	}
	var rows []struct {
		OrganizationID string
		Waiting        int
	}
	err := s.db.WithContext(ctx).Raw(countLanesSQL, array{ids}, array{endpoints}, limit).Scan(&rows).Error
	for _, row := range rows {
		counts[row.OrganizationID] = row.Waiting
	}
	return counts, err
}

// countLanesSQL ends each count at the limit. OFFSET 0 keeps the planner from joining the tables in another order.
const countLanesSQL = `SELECT o.organization_id, c.waiting FROM (
	SELECT organization_id, array_agg(endpoint_id) AS endpoints
	FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS l (organization_id, endpoint_id) GROUP BY organization_id
) o CROSS JOIN LATERAL (
	SELECT count(*) AS waiting FROM (
		SELECT 1 FROM unnest(o.endpoints) AS e (id) CROSS JOIN LATERAL (
			SELECT 1 FROM deliveries WHERE endpoint_id = e.id AND status IN ('pending', 'retrying') OFFSET 0
		) d LIMIT ?
	) counted
) c`
