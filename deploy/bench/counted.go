package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"redrive/pkg/webhook"
)

// The details of statistics. The row itself reads 31 days by hour.
const (
	detailDays          = "400 days by day"
	detailEndpointHours = "31 days by hour of an endpoint"
)

// countedTypes is the number of event types that are counted by name.
const countedTypes = 10

// fillStatistics writes counts for every hour and every day that is kept, for each endpoint and event type and for their sums.
func (t *searched) fillStatistics(ctx context.Context) error {
	var durations webhook.Durations
	for milliseconds := int64(1); milliseconds < 15_000; milliseconds += milliseconds/8 + 1 {
		durations.Add(milliseconds)
	}
	now := time.Now()
	for table, periods := range map[string][2]int64{
		"statistics_hours": {int64(webhook.OldestHour(now)), int64(webhook.HourOf(now))},
		"statistics_days":  {int64(webhook.OldestDay(now)), int64(webhook.OldestHour(now).Day()) - 1},
	} {
		const insert = `INSERT INTO %s (organization_id, endpoint_id, event_type, period, events, created, succeeded, failed, attempts, errors, durations)
SELECT $1, e.id, CASE type WHEN 0 THEN '' ELSE 'bench.type.' || type END, period, 1000, 1000, 990, 10, 1010, 'timeout:5 5xx:15', $2
FROM unnest($3::text[]) AS e (id) CROSS JOIN generate_series(0, $4::integer) type CROSS JOIN generate_series($5::bigint, $6::bigint) period`
		_, err := t.database.pool.Exec(ctx, fmt.Sprintf(insert, table), t.organization, durations.Encode(), append([]string{""}, t.endpoints...),
			countedTypes, periods[0], periods[1])
		if err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
	}
	return t.database.exec(ctx, "VACUUM (ANALYZE) statistics_hours, statistics_days")
}

// measureStatistics compares reads of statistics.
func (g *searching) measureStatistics(ctx context.Context, s *session) error {
	now := time.Now().UTC()
	query := func(days int, interval string) string {
		return "/stats?" + url.Values{
			"from": {now.AddDate(0, 0, -days).Format(time.RFC3339)}, "to": {now.Format(time.RFC3339)}, "interval": {interval},
		}.Encode()
	}
	for _, one := range []struct {
		detail string
		path   func(*searched) string
	}{
		{"", func(*searched) string { return query(31, "hour") }},
		{detailDays, func(*searched) string { return query(400, "day") }},
		{detailEndpointHours, func(t *searched) string { return "/" + t.endpoints[3] + query(31, "hour") }},
	} {
		s.progress.say("%s %s", rowGrowthStats, one.detail)
		var answer bytes.Buffer
		small, large, err := alternate(searchWarmUp, s.amounts.growth,
			func() error { return g.small.send(ctx, http.MethodGet, one.path(g.small), nil, &answer) },
			func() error { return g.large.send(ctx, http.MethodGet, one.path(g.large), nil, &answer) })
		if err != nil {
			return err
		}
		s.addGrowth(rowGrowthStats, one.detail, small, large)
	}
	return nil
}
