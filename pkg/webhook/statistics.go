package webhook

import (
	"fmt"
	"time"
)

// Hour is an hour in UTC, as the number of hours since 1970-01-01.
type Hour int64

// Day is a day in UTC, as the number of days since 1970-01-01.
type Day int64

const hoursPerDay = 24

// HourOf returns the hour that has the time.
func HourOf(t time.Time) Hour {
	seconds := t.Unix()
	hour := Hour(seconds / 3600)
	if seconds < 0 && seconds%3600 != 0 {
		hour--
	}
	return hour
}

// Start returns the beginning of the hour.
func (h Hour) Start() time.Time { return time.Unix(int64(h)*3600, 0).UTC() }

// Day returns the day that has the hour.
func (h Hour) Day() Day {
	if h < 0 {
		return Day((h+1)/hoursPerDay) - 1
	}
	return Day(h / hoursPerDay)
}

// FirstHour returns the first hour of the day.
func (d Day) FirstHour() Hour { return Hour(d * hoursPerDay) }

const (
	// HoursKept is how many days the counts of single hours are kept. Then they are added up by day.
	HoursKept = 35
	// DaysKept is how many days the counts of days are kept.
	DaysKept = 400
	// CountedTypes is how many event types of an organization are counted by name in a day. Further ones count as OtherType.
	CountedTypes = 100
	// OtherType is the event type that stands for those beyond CountedTypes.
	OtherType = "other"
)

// OldestHour returns the first hour whose counts are kept at a time. Whole days expire.
func OldestHour(now time.Time) Hour { return (HourOf(now).Day() - HoursKept).FirstHour() }

// OldestDay returns the first day whose counts are kept at a time.
func OldestDay(now time.Time) Day { return HourOf(now).Day() - DaysKept }

// Counts are the counts of an interval.
type Counts struct {
	// Events are published events, whatever they were delivered to.
	Events int64
	// Created are deliveries that were created, and Succeeded and Failed those that ended. A delivery that ends again, after a retry, counts
	// again.
	Created, Succeeded, Failed int64
	// Attempts are attempts that ended, and Errors those of them that failed by their kind. See ErrorKey.
	Attempts int64
	Errors   map[string]int64
	// Durations are those of answered attempts.
	Durations Durations
}

// Add adds the counts of other.
func (c *Counts) Add(other Counts) {
	c.Events += other.Events
	c.Created += other.Created
	c.Succeeded += other.Succeeded
	c.Failed += other.Failed
	c.Attempts += other.Attempts
	for key, count := range other.Errors {
		c.AddError(key, count)
	}
	c.Durations.AddAll(other.Durations)
}

// AddError adds failed attempts of a kind.
func (c *Counts) AddError(key string, count int64) {
	if c.Errors == nil {
		c.Errors = map[string]int64{}
	}
	c.Errors[key] += count
}

// TallyKey says what a tally is about. EndpointID is empty for events without a delivery. EventType is empty if the event was removed from
// the database.
type TallyKey struct {
	OrganizationID, EndpointID, EventType string
	Hour                                  Hour
}

// Tally is what something adds to the statistics. Tests and superseded attempts add nothing.
type Tally struct {
	TallyKey
	Counts
}

// Tallies returns what the publication adds to the statistics, in the hour in which its event and its deliveries were created. The event
// counts together with its first delivery.
func (p Publication) Tallies() []Tally {
	if len(p.Deliveries) == 0 {
		return []Tally{{TallyKey{p.Event.OrganizationID, "", p.Event.Type, HourOf(p.Event.CreatedAt)}, Counts{Events: 1}}}
	}
	tallies := make([]Tally, 0, len(p.Deliveries))
	for _, d := range p.Deliveries {
		if d.Test {
			return nil // a test has one event and one delivery
		}
		tallies = append(tallies, Tally{TallyKey{d.OrganizationID, d.EndpointID, p.Event.Type, HourOf(d.CreatedAt)}, Counts{Created: 1}})
	}
	tallies[0].Events = 1
	return tallies
}

// Tally returns what the outcome adds to the statistics if it is not superseded, in the hour in which the attempt ended. A delivery that
// ends with an attempt ends in the same hour. counted is false for a test.
func (o Outcome) Tally() (tally Tally, counted bool) {
	if o.Delivery.Test {
		return Tally{}, false
	}
	tally.TallyKey = TallyKey{o.Delivery.OrganizationID, o.Delivery.EndpointID, o.EventType, HourOf(o.Attempt.EndedAt())}
	tally.Attempts = 1
	switch o.Delivery.Status {
	case StatusSuccess:
		tally.Succeeded = 1
	case StatusFailure:
		tally.Failed = 1
	case StatusPending, StatusRetrying:
	}
	if key := o.Attempt.ErrorKey(); key != "" {
		tally.AddError(key, 1)
	}
	if o.Attempt.Answered() {
		tally.Durations.Add(o.Attempt.Duration.Milliseconds())
	}
	return tally, true
}

// EndedAt returns when the attempt ended, in the precision in which its duration is stored.
func (a Attempt) EndedAt() time.Time { return a.StartedAt.Add(a.Duration.Truncate(time.Millisecond)) }

// Answered reports whether the receiver has answered.
func (a Attempt) Answered() bool { return a.ResponseStatus != 0 }

// UnknownError is the ErrorKey of an attempt whose error has no code.
const UnknownError = "unknown"

// ErrorKey returns the kind under which a failed attempt counts: the class of an answer, 4xx or 5xx, or else the error code. It is empty if
// the attempt succeeded.
func (a Attempt) ErrorKey() string {
	switch class := a.ResponseStatus / 100; {
	case a.Outcome == AttemptSuccess:
		return ""
	case class == 4 || class == 5:
		return fmt.Sprintf("%dxx", class)
	case a.Answered():
		return string(ErrorHTTPStatus)
	case a.ErrorCode == "":
		return UnknownError
	}
	return string(a.ErrorCode)
}

// ResultSuccess is the ResultKey of an attempt that succeeded.
const ResultSuccess = string(AttemptSuccess)

// ResultKey returns how an attempt has ended: ResultSuccess, or else its ErrorKey.
func (a Attempt) ResultKey() string {
	if key := a.ErrorKey(); key != "" {
		return key
	}
	return ResultSuccess
}

// ResultKeys returns all keys that ResultKey can return: ResultSuccess, the classes of answers, the error codes and UnknownError.
func ResultKeys() []string {
	keys := []string{ResultSuccess, "4xx", "5xx"}
	for _, code := range ErrorCodes {
		keys = append(keys, string(code))
	}
	return append(keys, UnknownError)
}
