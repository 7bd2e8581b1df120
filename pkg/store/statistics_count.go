package store

import (
	"strconv"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// insertTallies inserts what publications count, as rows of c. A condition on c may follow, and then groupTallies.
var insertTallies = `INSERT INTO statistics_deltas (organization_id, endpoint_id, event_type, hour, events, created)
	SELECT c.organization_id, c.endpoint_id, c.event_type, c.hour, sum(c.events), sum(c.created)
	FROM ` + parameterRows("c", "event_id text", "organization_id text", "endpoint_id text", "event_type text", "hour bigint",
	"events integer", "created integer")

const groupTallies = ` GROUP BY c.organization_id, c.endpoint_id, c.event_type, c.hour`

// publishedTally is what publications count together. The ID is that of an event whose key may be taken, and otherwise empty.
type publishedTally struct {
	eventID string
	webhook.Tally
}

// tallyArguments returns the parameters of insertTallies.
func tallyArguments(publications []webhook.Publication) []any {
	type place struct {
		eventID string
		webhook.TallyKey
	}
	var tallies []publishedTally
	places := map[place]int{}
	for _, p := range publications {
		eventID := ""
		if p.Key != nil {
			eventID = p.Event.ID
		}
		for _, t := range p.Tallies() {
			at, known := places[place{eventID, t.TallyKey}]
			if !known {
				at = len(tallies)
				places[place{eventID, t.TallyKey}] = at
				tallies = append(tallies, publishedTally{eventID, webhook.Tally{TallyKey: t.TallyKey}})
			}
			tallies[at].Add(t.Counts)
		}
	}
	return []any{
		column(tallies, func(t *publishedTally) string { return t.eventID }),
		column(tallies, func(t *publishedTally) string { return t.OrganizationID }),
		column(tallies, func(t *publishedTally) string { return t.EndpointID }),
		column(tallies, func(t *publishedTally) string { return t.EventType }),
		column(tallies, func(t *publishedTally) int64 { return int64(t.Hour) }),
		column(tallies, func(t *publishedTally) int64 { return t.Events }),
		column(tallies, func(t *publishedTally) int64 { return t.Created }),
	}
}

// tallied gathers what a transaction counts, for one statement.
type tallied struct {
	rows   []deltaRow
	places map[webhook.TallyKey]int
}

func (t *tallied) row(key webhook.TallyKey) *deltaRow {
	at, known := t.places[key]
	if !known {
		if t.places == nil {
			t.places = map[webhook.TallyKey]int{}
		}
		at = len(t.rows)
		t.places[key] = at
		t.rows = append(t.rows, deltaRow{OrganizationID: key.OrganizationID, EndpointID: key.EndpointID, EventType: key.EventType, Hour: key.Hour})
	}
	return &t.rows[at]
}

func (t *tallied) published(p webhook.Publication) {
	for _, tally := range p.Tallies() {
		t.count(tally)
	}
}

// recorded counts an outcome that was not superseded.
func (t *tallied) recorded(o webhook.Outcome) {
	tally, counted := o.Tally()
	if !counted {
		return
	}
	row := t.count(tally)
	if o.Attempt.Answered() {
		row.Durations = joined(row.Durations, strconv.FormatInt(o.Attempt.Duration.Milliseconds(), 10))
	}
}

// count adds a tally without its durations.
func (t *tallied) count(tally webhook.Tally) *deltaRow {
	row := t.row(tally.TallyKey)
	row.Events += tally.Events
	row.Created += tally.Created
	row.Succeeded += tally.Succeeded
	row.Failed += tally.Failed
	row.Attempts += tally.Attempts
	row.Errors = joined(row.Errors, errorsText(tally.Errors))
	return row
}

// add adds what another one has gathered.
func (t *tallied) add(other tallied) {
	for _, o := range other.rows {
		row := t.row(webhook.TallyKey{OrganizationID: o.OrganizationID, EndpointID: o.EndpointID, EventType: o.EventType, Hour: o.Hour})
		row.Events += o.Events
		row.Created += o.Created
		row.Succeeded += o.Succeeded
		row.Failed += o.Failed
		row.Attempts += o.Attempts
		row.Errors, row.Durations = joined(row.Errors, o.Errors), joined(row.Durations, o.Durations)
	}
}

// joined returns both lists of a delta.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}

// insert appends the deltas, up to rows of them with one statement.
func (t *tallied) insert(tx *gorm.DB, rows int) error {
	if len(t.rows) == 0 {
		return nil
	}
	return tx.CreateInBatches(t.rows, rows).Error
}

// tally returns what the move counts. A delivery that ends without an attempt counts by countDeliveries.
func (m move) tally() (webhook.Tally, bool) {
	if m.attempt.ID == "" {
		return webhook.Tally{}, false
	}
	return m.outcome.Tally()
}

// countDeliveries counts deliveries in an hour that were created, or that have failed without an attempt, as the column says.
func (s *Store) countDeliveries(tx *gorm.DB, column string, hour webhook.Hour, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	condition, chosen := "d.id IN ?", any(ids)
	if s.dialect.Postgres {
		condition, chosen = "d.id = ANY(?)", array{ids}
	}
	return tx.Exec(`INSERT INTO statistics_deltas (organization_id, endpoint_id, event_type, hour, `+column+`)
		SELECT d.organization_id, d.endpoint_id, COALESCE(e.event_type, ''), CAST(? AS bigint), count(*)
		FROM deliveries d LEFT JOIN events e ON e.id = d.event_id WHERE `+condition+` AND NOT d.test
		GROUP BY d.organization_id, d.endpoint_id, COALESCE(e.event_type, '')`, int64(hour), chosen).Error
}
