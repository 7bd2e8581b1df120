package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Statistics are counted in the transaction of what they count, so that they are exact after a crash:
//
//	publish, record, end ─▶ statistics_deltas ─ MergeStatistics ─▶ statistics_hours ─ PurgeStatistics ─▶ statistics_days
//
// A transaction appends a delta for each endpoint, event type and hour. It never waits for another one. A delta, and later an hour, counts
// in exactly one of the three tables. Hours and days are also stored for all endpoints and for all event types, so that a read has one row
// for each hour or day. The lock of the row of statistics_state admits one change of hours and days at a time.

// deltaRow is what a transaction counts for one endpoint, event type and hour.
type deltaRow struct {
	ID             int64 `gorm:"primaryKey"`
	OrganizationID string
	EndpointID     string
	EventType      string
	Hour           webhook.Hour
	Events         int64
	Created        int64
	Succeeded      int64
	Failed         int64
	Attempts       int64
	Errors         string
	Durations      string
}

func (deltaRow) TableName() string { return "statistics_deltas" }

func (r deltaRow) compare(other deltaRow) int {
	return cmp.Or(strings.Compare(r.OrganizationID, other.OrganizationID), cmp.Compare(r.ID, other.ID))
}

// tally returns what the delta counts.
func (r deltaRow) tally() (webhook.Tally, error) {
	t := webhook.Tally{
		TallyKey: webhook.TallyKey{OrganizationID: r.OrganizationID, EndpointID: r.EndpointID, EventType: r.EventType, Hour: r.Hour},
		Counts:   webhook.Counts{Events: r.Events, Created: r.Created, Succeeded: r.Succeeded, Failed: r.Failed, Attempts: r.Attempts},
	}
	for duration := range strings.FieldsSeq(r.Durations) {
		milliseconds, err := strconv.ParseInt(duration, 10, 64)
		if err != nil {
			return t, fmt.Errorf("read the durations of a delta: %w", err)
		}
		t.Durations.Add(milliseconds)
	}
	return t, addErrors(&t.Counts, r.Errors)
}

// addErrors adds errors as a delta and an hour have them: kinds, which may have a number after a colon.
func addErrors(c *webhook.Counts, text string) error {
	for kind := range strings.FieldsSeq(text) {
		kind, number, several := strings.Cut(kind, ":")
		count := int64(1)
		if several {
			var err error
			if count, err = strconv.ParseInt(number, 10, 64); err != nil {
				return fmt.Errorf("read counted errors: %w", err)
			}
		}
		c.AddError(kind, count)
	}
	return nil
}

func errorsText(counted map[string]int64) string {
	var text strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(counted)) {
		fmt.Fprintf(&text, "%s:%d ", kind, counted[kind])
	}
	return strings.TrimSuffix(text.String(), " ")
}

// countRow is what was counted in an hour or a day.
type countRow struct {
	OrganizationID string       `gorm:"primaryKey"`
	EndpointID     string       `gorm:"primaryKey"`
	EventType      string       `gorm:"primaryKey"`
	Period         webhook.Hour `gorm:"primaryKey;autoIncrement:false"` // or a webhook.Day
	Events         int64
	Created        int64
	Succeeded      int64
	Failed         int64
	Attempts       int64
	Errors         string
	Durations      []byte
}

func (r countRow) counts() (c webhook.Counts, err error) {
	c = webhook.Counts{Events: r.Events, Created: r.Created, Succeeded: r.Succeeded, Failed: r.Failed, Attempts: r.Attempts}
	if c.Durations, err = webhook.DecodeDurations(r.Durations); err != nil {
		return c, err
	}
	return c, addErrors(&c, r.Errors)
}

func (r countRow) key() periodKey {
	return periodKey{r.OrganizationID, r.EndpointID, r.EventType, r.Period}
}

// periodKey is the key of a row of hours or days. An empty endpoint or event type stands for all.
type periodKey struct {
	organizationID, endpointID, eventType string
	period                                webhook.Hour
}

func (k periodKey) compare(other periodKey) int {
	return cmp.Or(
		strings.Compare(k.organizationID, other.organizationID), strings.Compare(k.endpointID, other.endpointID),
		strings.Compare(k.eventType, other.eventType), cmp.Compare(k.period, other.period),
	)
}

// periodCounts are counts by row of hours or days.
type periodCounts map[periodKey]*webhook.Counts

func (p periodCounts) add(key periodKey, counts webhook.Counts) {
	if p[key] == nil {
		p[key] = &webhook.Counts{}
	}
	p[key].Add(counts)
}

// addTally adds a tally to the rows that it counts in: those of its endpoint and of all endpoints, of its event type and of all types.
// Events count for all endpoints only.
func (p periodCounts) addTally(t webhook.Tally) {
	for _, eventType := range slices.Compact([]string{t.EventType, ""}) {
		p.add(periodKey{t.OrganizationID, "", eventType, t.Hour}, t.Counts)
		if t.EndpointID != "" {
			ofEndpoint := t.Counts
			ofEndpoint.Events = 0
			p.add(periodKey{t.OrganizationID, t.EndpointID, eventType, t.Hour}, ofEndpoint)
		}
	}
}

// keys returns the keys in their order. All transactions write rows in this order.
func (p periodCounts) keys() []periodKey { return slices.SortedFunc(maps.Keys(p), periodKey.compare) }

// lockStatistics admits one transaction at a time that changes hours and days. With skip, it reports false if another one runs. In SQLite,
// the transaction has locked the database.
func (s *Store) lockStatistics(tx *gorm.DB, skip bool) (locked bool, err error) {
	lock := forUpdate
	if skip {
		lock = forUpdateSkip
	}
	var rows []int
	err = s.locking(tx, lock).Table("statistics_state").Where("id = 1").Pluck("id", &rows).Error
	return len(rows) == 1, err
}
