package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// byEndpointAndTypeSQL counts deliveries d by organization, endpoint and event type. Conditions follow. The event may have been purged.
const byEndpointAndTypeSQL = `SELECT d.organization_id, d.endpoint_id, COALESCE(e.event_type, '') AS event_type, count(*) AS n
FROM deliveries d LEFT JOIN events e ON e.id = d.event_id WHERE `

// longestAttempt is more than the time of any attempt. The largest DELIVERY_TIMEOUT is 5 min.
const longestAttempt = 10 * time.Minute

// hasRows reports whether an interval has rows to count. What is written later is counted by the transaction that writes it.
func (s *Store) hasRows(ctx context.Context, i span) (some bool, err error) {
	from, to := i.from.Start(), i.to.Start()
	err = s.db.WithContext(ctx).Raw(`SELECT EXISTS (SELECT 1 FROM events WHERE id >= ? AND id < ?) OR EXISTS (SELECT 1 FROM deliveries WHERE id >= ? AND id < ?)
		OR EXISTS (SELECT 1 FROM attempts WHERE id >= ? AND id < ?)
		OR EXISTS (SELECT 1 FROM deliveries WHERE status = 'failure' AND failure_reason <> '' AND updated_at >= ? AND updated_at < ?)`,
		webhook.FirstID(webhook.KindEvent, from), webhook.FirstID(webhook.KindEvent, to.Add(time.Millisecond)),
		webhook.FirstID(webhook.KindDelivery, from), webhook.FirstID(webhook.KindDelivery, to.Add(time.Millisecond)),
		webhook.FirstID(webhook.KindAttempt, from.Add(-longestAttempt)), webhook.FirstID(webhook.KindAttempt, to.Add(time.Millisecond)), from, to).Scan(&some).Error
	return some, err
}

// talliesOfRows returns what the rows of an interval count, as webhook.Publication.Tallies and webhook.Outcome.Tally say.
func (s *Store) talliesOfRows(tx *gorm.DB, i span) ([]webhook.Tally, error) {
	from, to := i.from.Start(), i.to.Start()
	var events, deliveries, ended conditions
	events.created("e", webhook.KindEvent, from, to)
	events.add(notTest)
	deliveries.created("d", webhook.KindDelivery, from, to)
	deliveries.add("NOT d.test")
	ended.add("d.status = 'failure' AND d.failure_reason <> '' AND d.updated_at >= ? AND d.updated_at < ? AND NOT d.test", from, to)

	var tallies []webhook.Tally
	for _, part := range []struct {
		query string
		conditions
		counts func(n int64) webhook.Counts
	}{
		{
			"SELECT e.organization_id, '' AS endpoint_id, e.event_type, count(*) AS n FROM events e WHERE ", events,
			func(n int64) webhook.Counts { return webhook.Counts{Events: n} },
		},
		{byEndpointAndTypeSQL, deliveries, func(n int64) webhook.Counts { return webhook.Counts{Created: n} }},
		{byEndpointAndTypeSQL, ended, func(n int64) webhook.Counts { return webhook.Counts{Failed: n} }},
	} {
		var rows []struct {
			OrganizationID, EndpointID, EventType string
			N                                     int64
		}
		if err := tx.Raw(part.query+part.where()+" GROUP BY 1, 2, 3", part.arguments...).Scan(&rows).Error; err != nil {
			return nil, err
		}
		for _, r := range rows {
			tallies = append(tallies, webhook.Tally{
				TallyKey: webhook.TallyKey{OrganizationID: r.OrganizationID, EndpointID: r.EndpointID, EventType: r.EventType, Hour: i.from},
				Counts:   part.counts(r.N),
			})
		}
	}
	attempts, err := talliesOfAttempts(tx, i)
	return append(tallies, attempts...), err
}

// attemptsSQL reads what an attempt counts. An attempt that has scheduled no other one has ended its delivery.
const attemptsSQL = `SELECT d.organization_id, d.endpoint_id, COALESCE(e.event_type, ''), a.started_at, a.duration_ms, a.outcome, a.response_status,
	a.error_code, a.next_retry_at IS NULL
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id LEFT JOIN events e ON e.id = d.event_id
WHERE a.id >= ? AND a.id < ? AND a.outcome <> 'superseded' AND NOT d.test`

// talliesOfAttempts returns what the attempts count that ended in an interval, added up by endpoint and event type.
func talliesOfAttempts(tx *gorm.DB, i span) ([]webhook.Tally, error) {
	rows, err := tx.Raw(attemptsSQL, webhook.FirstID(webhook.KindAttempt, i.from.Start().Add(-longestAttempt)),
		webhook.FirstID(webhook.KindAttempt, i.to.Start().Add(time.Millisecond))).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	added := map[webhook.TallyKey]*webhook.Counts{}
	for rows.Next() {
		var o webhook.Outcome
		var milliseconds int64
		var last bool
		err := rows.Scan(&o.Delivery.OrganizationID, &o.Delivery.EndpointID, &o.EventType, &o.Attempt.StartedAt, &milliseconds, &o.Attempt.Outcome,
			&o.Attempt.ResponseStatus, &o.Attempt.ErrorCode, &last)
		if err != nil {
			return nil, err
		}
		o.Attempt.Duration = time.Duration(milliseconds) * time.Millisecond
		switch {
		case o.Attempt.Outcome == webhook.AttemptSuccess:
			o.Delivery.Status = webhook.StatusSuccess
		case last:
			o.Delivery.Status = webhook.StatusFailure
		}
		tally, _ := o.Tally()
		if tally.Hour < i.from || tally.Hour >= i.to {
			continue
		}
		tally.Hour = i.from
		if added[tally.TallyKey] == nil {
			added[tally.TallyKey] = &webhook.Counts{}
		}
		added[tally.TallyKey].Add(tally.Counts)
	}
	tallies := make([]webhook.Tally, 0, len(added))
	for key, counts := range added {
		tallies = append(tallies, webhook.Tally{TallyKey: key, Counts: *counts})
	}
	return tallies, rows.Err()
}
