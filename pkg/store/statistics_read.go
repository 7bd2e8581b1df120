package store

import (
	"context"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// deltasPerRead bounds the deltas that a read adds to the hours. A merge takes them about every second, so that there are few. If no
// dispatcher runs, those beyond are missing in the answer.
const deltasPerRead = 10_000

// readStatisticsSQL reads counts of hours, of days and of deltas in one snapshot, so that what is merged meanwhile counts once. The number
// of rows is bounded by the range, and by deltasPerRead.
const (
	readStatisticsSQL = `SELECT 0 AS source, period, '' AS endpoint_id, '' AS event_type, events, created, succeeded, failed, attempts, errors,
	durations, '' AS listed
FROM statistics_hours WHERE organization_id = ? AND endpoint_id = ? AND event_type = ? AND period >= ? AND period < ?
UNION ALL
SELECT 1, period, '', '', events, created, succeeded, failed, attempts, errors, durations, ''
FROM statistics_days WHERE organization_id = ? AND endpoint_id = ? AND event_type = ? AND period >= ? AND period < ?
UNION ALL
SELECT 2, hour, endpoint_id, event_type, events, created, succeeded, failed, attempts, errors, `

	readDeltasSQL = `, durations
FROM (SELECT * FROM statistics_deltas WHERE organization_id = ? ORDER BY id LIMIT ?) AS delta WHERE hour >= ? AND hour < ?`
)

// readRow is a row of readStatisticsSQL.
type readRow struct {
	Source                                       int
	Period                                       int64
	EndpointID, EventType                        string
	Events, Created, Succeeded, Failed, Attempts int64
	Errors                                       string
	Durations                                    []byte
	Listed                                       string
}

// ReadStatistics returns what was counted for the query, and since when everything is counted. There may be several counts of an hour. It
// reads roll-ups, and never deliveries or attempts.
func (s *Store) ReadStatistics(ctx context.Context, q webhook.StatisticsQuery) ([]webhook.CountedAt, webhook.Counting, error) {
	type both struct {
		counted []webhook.CountedAt
		since   webhook.Counting
	}
	if found, answered, err := onReplica(ctx, s, func(ctx context.Context, r *Store) (found both, err error) {
		found.counted, found.since, err = r.ReadStatistics(ctx, q)
		return found, err
	}); answered {
		return found.counted, found.since, err
	}
	counted, since, err := s.readStatistics(s.db.WithContext(ctx), q)
	return counted, since, s.translate("read statistics", err)
}

func (s *Store) readStatistics(db *gorm.DB, q webhook.StatisticsQuery) ([]webhook.CountedAt, webhook.Counting, error) {
	since, err := countedFrom(db)
	if err != nil {
		return nil, nil, err
	}
	none := "x''"
	if s.dialect.Postgres {
		none = "CAST('' AS bytea)"
	}
	firstDay, lastDay := q.From.Day(), q.From.Day() // no days
	if q.Interval == webhook.IntervalDay {
		lastDay = q.To.Day()
	}
	rows, err := db.Raw(readStatisticsSQL+none+readDeltasSQL,
		q.OrganizationID, q.EndpointID, q.EventType, q.From, q.To,
		q.OrganizationID, q.EndpointID, q.EventType, firstDay, lastDay,
		q.OrganizationID, deltasPerRead, q.From, q.To).Rows()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	var counted []webhook.CountedAt
	var deltas []deltaRow
	for rows.Next() {
		var r readRow
		err := rows.Scan(&r.Source, &r.Period, &r.EndpointID, &r.EventType, &r.Events, &r.Created, &r.Succeeded, &r.Failed, &r.Attempts,
			&r.Errors, &r.Durations, &r.Listed)
		if err != nil {
			return nil, nil, err
		}
		if r.Source == 2 {
			deltas = append(deltas, r.delta(q.OrganizationID))
			continue
		}
		at, err := r.counted()
		if err != nil {
			return nil, nil, err
		}
		counted = append(counted, at)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	_ = rows.Close() // the next statement may need the connection
	merging, err := s.countDeltas(db, q, deltas)
	return append(counted, merging...), since, err
}

func (r readRow) delta(organizationID string) deltaRow {
	return deltaRow{
		OrganizationID: organizationID, EndpointID: r.EndpointID, EventType: r.EventType, Hour: webhook.Hour(r.Period), Events: r.Events,
		Created: r.Created, Succeeded: r.Succeeded, Failed: r.Failed, Attempts: r.Attempts, Errors: r.Errors, Durations: r.Listed,
	}
}

func (r readRow) counted() (at webhook.CountedAt, err error) {
	at.Hour = webhook.Hour(r.Period)
	if r.Source == 1 {
		at.Hour = webhook.Day(r.Period).FirstHour()
	}
	row := countRow{
		Events: r.Events, Created: r.Created, Succeeded: r.Succeeded, Failed: r.Failed, Attempts: r.Attempts, Errors: r.Errors, Durations: r.Durations,
	}
	at.Counts, err = row.counts()
	return at, err
}

// countDeltas returns what the deltas count for the query, as if they were merged now.
func (s *Store) countDeltas(db *gorm.DB, q webhook.StatisticsQuery, deltas []deltaRow) ([]webhook.CountedAt, error) {
	tallies, err := talliesOf(deltas)
	if err != nil {
		return nil, err
	}
	if q.EventType != "" {
		if err := s.nameTypes(db, tallies, false); err != nil {
			return nil, err
		}
	}
	counts := periodCounts{}
	for _, t := range tallies {
		counts.addTally(t)
	}
	var counted []webhook.CountedAt
	for key, c := range counts {
		if key.endpointID == q.EndpointID && key.eventType == q.EventType {
			counted = append(counted, webhook.CountedAt{Hour: key.period, Counts: *c})
		}
	}
	return counted, nil
}

// countedFrom returns the hour since which everything is counted.
func countedFrom(db *gorm.DB) (webhook.Counting, error) {
	var states []struct{ CountedFrom *webhook.Hour }
	if err := db.Table("statistics_state").Where("id = 1").Find(&states).Error; err != nil {
		return nil, err
	}
	if len(states) == 0 {
		return nil, errStatisticsState
	}
	return states[0].CountedFrom, nil
}
