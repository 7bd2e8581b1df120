package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestHourOfIsUTC(t *testing.T) {
	for text, start := range map[string]string{
		"2024-05-06T07:59:59.999999Z":      "2024-05-06T07:00:00.000000Z",
		"2024-05-06T08:00:00Z":             "2024-05-06T08:00:00.000000Z",
		"2024-05-06T08:10:00+05:30":        "2024-05-06T02:00:00.000000Z",
		"1969-12-31T23:59:59.999999Z":      "1969-12-31T23:00:00.000000Z",
		"1969-12-30T00:00:00Z":             "1969-12-30T00:00:00.000000Z",
		"2024-10-27T02:30:00.000000+02:00": "2024-10-27T00:00:00.000000Z",
	} {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		assert.Equal(t, start, webhook.FormatTime(webhook.HourOf(at).Start()), text)
		day := webhook.HourOf(at).Day().FirstHour().Start()
		assert.Equal(t, at.UTC().Format(time.DateOnly)+"T00:00:00.000000Z", webhook.FormatTime(day), text)
	}
}

func TestStatisticsQueryBetween(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	at := func(text string) time.Time {
		if text == "" {
			return time.Time{}
		}
		parsed, err := time.Parse("2006-01-02T15:04", text)
		require.NoError(t, err)
		return parsed
	}
	for name, c := range map[string]struct {
		interval          webhook.Interval
		from, to          string
		first, last       string // the starts of the intervals
		intervals         int
		refused, hasField string
	}{
		"the last 24 hours":        {interval: "hour", first: "2024-05-05T08:00", last: "2024-05-06T07:00", intervals: 24},
		"the last 30 days":         {interval: "day", first: "2024-04-07T00:00", last: "2024-05-06T00:00", intervals: 30},
		"whole hours":              {interval: "hour", from: "2024-05-06T01:30", to: "2024-05-06T03:30", first: "2024-05-06T01:00", last: "2024-05-06T03:00", intervals: 3},
		"to is exclusive":          {interval: "hour", from: "2024-05-06T01:00", to: "2024-05-06T03:00", first: "2024-05-06T01:00", last: "2024-05-06T02:00", intervals: 2},
		"to now":                   {interval: "hour", from: "2024-05-06T06:59", first: "2024-05-06T06:00", last: "2024-05-06T07:00", intervals: 2},
		"without from":             {interval: "hour", to: "2024-05-01T00:00", first: "2024-04-30T00:00", last: "2024-04-30T23:00", intervals: 24},
		"no hour of the future":    {interval: "hour", from: "2024-05-06T07:00", to: "2024-05-07T07:00", first: "2024-05-06T07:00", last: "2024-05-06T07:00", intervals: 1},
		"only the future":          {interval: "hour", from: "2024-05-08T07:00", to: "2024-05-09T07:00"},
		"from the future":          {interval: "hour", from: "2024-05-08T07:00"},
		"31 days by hour":          {interval: "hour", from: "2024-04-05T07:08", to: "2024-05-06T07:08", first: "2024-04-05T07:00", last: "2024-05-06T07:00", intervals: 745},
		"400 days by day":          {interval: "day", from: "2023-04-02T07:09", to: "2024-05-06T07:08", first: "2023-04-02T00:00", last: "2024-05-06T00:00", intervals: 401},
		"more than 31 days":        {interval: "hour", from: "2024-04-05T07:07", to: "2024-05-06T07:08", refused: "out_of_range", hasField: "from"},
		"more than 31 days to now": {interval: "hour", from: "2024-04-05T07:07", refused: "out_of_range", hasField: "from"},
		"more than 400 days":       {interval: "day", from: "2023-04-02T07:07", to: "2024-05-06T07:08", refused: "out_of_range", hasField: "from"},
		"hours that are not kept":  {interval: "hour", from: "2024-03-31T23:59", to: "2024-04-02T00:00", refused: "out_of_range", hasField: "from"},
		"the oldest hour":          {interval: "hour", from: "2024-04-01T00:00", to: "2024-04-01T01:00", first: "2024-04-01T00:00", last: "2024-04-01T00:00", intervals: 1},
		"days that are not kept":   {interval: "day", from: "2023-04-01T23:59", to: "2023-04-03T00:00", refused: "out_of_range", hasField: "from"},
		"nothing":                  {interval: "hour", from: "2024-05-06T01:00", to: "2024-05-06T01:00", refused: "out_of_range", hasField: "to"},
		"backwards":                {interval: "day", from: "2024-05-06T01:00", to: "2024-05-05T01:00", refused: "out_of_range", hasField: "to"},
	} {
		t.Run(name, func(t *testing.T) {
			q, err := webhook.StatisticsQuery{Interval: c.interval}.Between(at(c.from), at(c.to), now)
			if c.refused != "" {
				var refused *webhook.Error
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, webhook.CodeInvalid, refused.Code)
				assert.Equal(t, c.hasField, refused.Details[0].Field)
				assert.Equal(t, c.refused, refused.Details[0].Reason)
				return
			}
			require.NoError(t, err)
			since := webhook.Hour(0)
			series := q.Statistics(nil, &since, now).Series
			require.Len(t, series, c.intervals)
			if c.intervals > 0 {
				assert.Equal(t, at(c.first), series[0].Start)
				assert.Equal(t, at(c.last), series[c.intervals-1].Start)
			}
		})
	}
}

func TestStatisticsPartial(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 0, 0, 0, time.UTC)
	q, err := webhook.StatisticsQuery{Interval: webhook.IntervalHour}.Between(now.Add(-3*time.Hour), time.Time{}, now)
	require.NoError(t, err)
	partial := func(since webhook.Counting) (marks []bool) {
		s := q.Statistics(nil, since, now)
		for _, interval := range s.Series {
			marks = append(marks, interval.Partial)
		}
		assert.True(t, s.Totals.Partial)
		return marks
	}
	always, lately := webhook.Hour(0), webhook.HourOf(now)-2
	assert.Equal(t, []bool{false, false, false, true}, partial(&always), "the running one")
	assert.Equal(t, []bool{true, false, false, true}, partial(&lately), "before counting began")
	assert.Equal(t, []bool{true, true, true, true}, partial(nil))

	ended, err := q.Between(now.Add(-3*time.Hour), now, now)
	require.NoError(t, err)
	assert.False(t, ended.Statistics(nil, &always, now).Totals.Partial)
}

func TestStatisticsAddsCountsOfAnInterval(t *testing.T) {
	now := time.Date(2024, 5, 6, 23, 0, 0, 0, time.UTC)
	q, err := webhook.StatisticsQuery{Interval: webhook.IntervalDay}.Between(now.Add(-30*time.Hour), time.Time{}, now)
	require.NoError(t, err)
	hour := webhook.HourOf(now)
	var counts webhook.Counts
	counts.Created = 2
	counts.AddError("5xx", 1)
	counts.Durations.Add(7)
	since := webhook.Hour(0)
	s := q.Statistics([]webhook.CountedAt{{hour, counts}, {hour - 1, counts}, {hour - 24, counts}, {hour - 240, counts}}, &since, now)
	require.Len(t, s.Series, 2)
	assert.Equal(t, []int64{2, 4, 6}, []int64{s.Series[0].Created, s.Series[1].Created, s.Totals.Created})
	assert.Equal(t, map[string]int64{"5xx": 3}, s.Totals.Errors)
	assert.Equal(t, int64(3), s.Totals.Durations.Count())
	assert.Equal(t, map[string]int64{"5xx": 1}, counts.Errors, "the input is not changed")
}

func TestErrorKey(t *testing.T) {
	for _, c := range []struct {
		attempt webhook.Attempt
		key     string
	}{
		{webhook.Attempt{Outcome: webhook.AttemptSuccess, ResponseStatus: 204}, ""},
		{webhook.Attempt{Outcome: webhook.AttemptFailure, ResponseStatus: 404, ErrorCode: webhook.ErrorHTTPStatus}, "4xx"},
		{webhook.Attempt{Outcome: webhook.AttemptFailure, ResponseStatus: 599}, "5xx"},
		{webhook.Attempt{Outcome: webhook.AttemptFailure, ResponseStatus: 302, ErrorCode: webhook.ErrorHTTPStatus}, "http_status"},
		{webhook.Attempt{Outcome: webhook.AttemptFailure, ErrorCode: webhook.ErrorDNS}, "dns"},
		{webhook.Attempt{Outcome: webhook.AttemptFailure}, "unknown"},
	} {
		assert.Equal(t, c.key, c.attempt.ErrorKey())
	}
}
