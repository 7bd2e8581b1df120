package webhook

import (
	"fmt"
	"time"
)

// Interval is the length of the intervals of statistics.
type Interval string

// The intervals of statistics.
const (
	IntervalHour Interval = "hour"
	IntervalDay  Interval = "day"
)

// intervals are what a query may ask for, by interval.
var intervals = map[Interval]struct {
	length time.Duration
	// most is the longest range of a query, in days.
	most int
	// usual is how many intervals a query without a range gets.
	usual int
	kept  int // days
}{
	IntervalHour: {time.Hour, 31, 24, HoursKept},
	IntervalDay:  {24 * time.Hour, 400, 30, DaysKept},
}

// ParseInterval parses an interval.
func ParseInterval(field, text string) (Interval, error) {
	if _, known := intervals[Interval(text)]; !known {
		return "", Invalid("out_of_range", field, field+" must be hour or day")
	}
	return Interval(text), nil
}

// StatisticsQuery selects statistics of an organization. EndpointID and EventType are optional.
type StatisticsQuery struct {
	OrganizationID, EndpointID, EventType string
	Interval                              Interval
	// From and To are the range, which consists of whole intervals. From is inclusive and To exclusive.
	From, To Hour
}

// Between sets the range of the query: the intervals that have a part of it and have begun. A time that is zero is optional: to is now, and
// from is so that there are 24 intervals of an hour, or 30 of a day. It refuses a range that is too long, or that begins before what is kept.
func (q StatisticsQuery) Between(from, to, now time.Time) (StatisticsQuery, error) {
	rule := intervals[q.Interval]
	length := Hour(rule.length / time.Hour)
	present := floor(HourOf(now), length)
	end, last := now, present // last is the interval with the last moment of the range
	if !to.IsZero() {
		end, last = to, floor(HourOf(to.Add(-time.Microsecond)), length)
	}
	q.From, q.To = last-Hour(rule.usual-1)*length, min(last, present)+length
	fromTo := from.IsZero() // the range depends on to only
	if fromTo {
		from = q.From.Start()
	} else {
		q.From = floor(HourOf(from), length)
	}
	switch days := 24 * time.Hour; {
	case !from.Before(end) && !to.IsZero():
		return q, Invalid("out_of_range", "to", "to must be later than from")
	case end.Sub(from) > time.Duration(rule.most)*days:
		hint := ""
		if q.Interval == IntervalHour {
			hint = "; ask for a shorter range, or by interval=day"
		}
		return q, Invalid("out_of_range", "from", fmt.Sprintf("statistics by %s span at most %d days%s", q.Interval, rule.most, hint))
	case q.From < (HourOf(now).Day() - Day(rule.kept)).FirstHour():
		field := "from"
		if fromTo {
			field = "to"
		}
		return q, Invalid("out_of_range", field, fmt.Sprintf("statistics by %s are kept for %d days: %s must be later", q.Interval, rule.kept, field))
	}
	return q, nil
}

// floor returns the first hour of the interval that has the hour.
func floor(h, length Hour) Hour {
	if length == hoursPerDay {
		return h.Day().FirstHour()
	}
	return h
}

// StatisticsInterval is one interval of statistics.
type StatisticsInterval struct {
	Start time.Time
	Counts
	// Partial means that something of the interval was not counted: it has not ended, or counting began later.
	Partial bool
}

// Statistics are the answer to a query: an interval for each of the range, in ascending order, and their sum.
type Statistics struct {
	Series []StatisticsInterval
	Totals StatisticsInterval
}

// CountedAt are counts of an hour, or of a day that begins at the hour.
type CountedAt struct {
	Hour Hour
	Counts
}

// Counting says since which hour everything is counted. Nil means that it is not known: processes of a version that did not count may run.
type Counting *Hour

// Statistics arranges what was counted. Several counts of one interval are added.
func (q StatisticsQuery) Statistics(counted []CountedAt, since Counting, now time.Time) Statistics {
	length := Hour(intervals[q.Interval].length / time.Hour)
	var s Statistics
	for start := q.From; start < q.To; start += length {
		partial := since == nil || start < *since || (start + length).Start().After(now)
		s.Series = append(s.Series, StatisticsInterval{Start: start.Start(), Partial: partial})
		s.Totals.Partial = s.Totals.Partial || partial
	}
	for _, c := range counted {
		if c.Hour >= q.From && c.Hour < q.To {
			s.Series[(c.Hour-q.From)/length].Add(c.Counts)
		}
	}
	for _, interval := range s.Series {
		s.Totals.Add(interval.Counts)
	}
	return s
}

// Waiting is how many deliveries wait, counted up to MaxCountedWaiting.
type Waiting struct {
	Pending, Retrying int
	// OldestDueAt is the earliest time at which one of them is due. It is zero if none waits.
	OldestDueAt time.Time
	// Capped means that more wait than were counted.
	Capped bool
	AsOf   time.Time
}
