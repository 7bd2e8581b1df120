package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"redrive/pkg/webhook"
)

// DeltaPosition is a position among the deltas, from which a merge continues. The zero value is before all.
type DeltaPosition struct {
	organizationID string
	id             int64
}

// MergedStatistics is the result of one batch of a merge.
type MergedStatistics struct {
	Deltas int
	// After is where the next batch begins. More is false after the last batch.
	After DeltaPosition
	More  bool
}

// MergeStatistics adds up to limit deltas after a position to the hours, and deletes them, in one transaction. A concurrent call does nothing
// if another one is working.
func (s *Store) MergeStatistics(ctx context.Context, after DeltaPosition, limit int) (merged MergedStatistics, err error) {
	// A read alone finds out that there is nothing to merge. In SQLite, a transaction would lock the database for it.
	var some []int
	if err := s.db.WithContext(ctx).Raw("SELECT 1 FROM statistics_deltas LIMIT 1").Scan(&some).Error; err != nil || len(some) == 0 {
		return merged, s.translate("find statistics to merge", err)
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if locked, err := s.lockStatistics(tx, true); err != nil || !locked {
			return err
		}
		deltas, err := takeDeltas(tx, after, limit)
		if err != nil || len(deltas) == 0 {
			return err
		}
		last := deltas[len(deltas)-1]
		merged = MergedStatistics{len(deltas), DeltaPosition{last.OrganizationID, last.ID}, len(deltas) >= limit}
		tallies, err := talliesOf(deltas)
		if err != nil {
			return err
		}
		return s.mergeTallies(tx, tallies)
	})
	return merged, s.translate("merge statistics", err)
}

// mergeTallies adds tallies to the hours. lockStatistics must have been called.
func (s *Store) mergeTallies(tx *gorm.DB, tallies []webhook.Tally) error {
	if err := s.nameTypes(tx, tallies, true); err != nil {
		return err
	}
	counts := periodCounts{}
	for _, t := range tallies {
		counts.addTally(t)
	}
	return s.addCounts(tx, "statistics_hours", counts)
}

// takeDeltas deletes deltas after a position and returns them in their order. They may be a few more than the limit.
func takeDeltas(tx *gorm.DB, after DeltaPosition, limit int) (deltas []deltaRow, err error) {
	var last []deltaRow
	err = tx.Select("organization_id", "id").Where("(organization_id, id) > (?, ?)", after.organizationID, after.id).
		Order("organization_id, id").Offset(limit - 1).Limit(1).Find(&last).Error
	if err != nil {
		return nil, err
	}
	taken := tx.Where("(organization_id, id) > (?, ?)", after.organizationID, after.id)
	if len(last) == 1 {
		taken = taken.Where("(organization_id, id) <= (?, ?)", last[0].OrganizationID, last[0].ID)
	}
	if err := taken.Clauses(returning(&deltaRow{})).Delete(&deltas).Error; err != nil {
		return nil, err
	}
	slices.SortFunc(deltas, deltaRow.compare)
	return deltas, nil
}

func talliesOf(deltas []deltaRow) ([]webhook.Tally, error) {
	tallies := make([]webhook.Tally, len(deltas))
	for i, delta := range deltas {
		var err error
		if tallies[i], err = delta.tally(); err != nil {
			return nil, err
		}
	}
	return tallies, nil
}

// typeRow is an event type of an organization that is counted by name on a day.
type typeRow struct {
	OrganizationID string      `gorm:"primaryKey"`
	Day            webhook.Day `gorm:"primaryKey;autoIncrement:false"`
	EventType      string      `gorm:"primaryKey"`
}

func (typeRow) TableName() string { return "statistics_types" }

// nameTypes sets the event types of tallies to webhook.OtherType that are not among the first webhook.CountedTypes of the organization on
// their day. A new type takes a place if there is one. With keep, the places are stored, and lockStatistics must have been called.
func (s *Store) nameTypes(tx *gorm.DB, tallies []webhook.Tally, keep bool) error {
	type organizationDay struct {
		organizationID string
		day            webhook.Day
	}
	named := map[organizationDay]map[string]bool{}
	days := make([]organizationDay, 0)
	for _, t := range tallies {
		day := organizationDay{t.OrganizationID, t.Hour.Day()}
		if named[day] == nil {
			named[day] = map[string]bool{}
			days = append(days, day)
		}
	}
	for part := range slices.Chunk(days, keysPerRead) {
		list, arguments := s.tuples(
			tupleColumn(part, "text", func(d *organizationDay) string { return d.organizationID }),
			tupleColumn(part, "bigint", func(d *organizationDay) int64 { return int64(d.day) }),
		)
		var rows []typeRow
		if err := tx.Where("(organization_id, day) IN ("+list+")", arguments...).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			named[organizationDay{row.OrganizationID, row.Day}][row.EventType] = true
		}
	}
	var added []typeRow
	for i := range tallies {
		t := &tallies[i]
		types := named[organizationDay{t.OrganizationID, t.Hour.Day()}]
		switch {
		case t.EventType == "" || t.EventType == webhook.OtherType || types[t.EventType]:
		case len(types) >= webhook.CountedTypes:
			t.EventType = webhook.OtherType
		default:
			types[t.EventType] = true
			added = append(added, typeRow{t.OrganizationID, t.Hour.Day(), t.EventType})
		}
	}
	if !keep || len(added) == 0 {
		return nil
	}
	return tx.Clauses(onConflictNothing).CreateInBatches(added, s.rowsPerInsert()).Error
}

// keysPerRead bounds the keys of one statement. SQLite allows 32,766 parameters.
const keysPerRead = 2000

// tuple is a column of the keys that a statement reads.
type tuple struct {
	kind   string
	array  array
	values []any
}

func tupleColumn[T, V any](items []T, kind string, value func(*T) V) tuple {
	t := tuple{kind, column(items, value), make([]any, len(items))}
	for i := range items {
		t.values[i] = value(&items[i])
	}
	return t
}

// tuples returns a table of keys for IN, with its parameters.
func (s *Store) tuples(columns ...tuple) (text string, arguments []any) {
	if s.dialect.Postgres {
		var parts []string
		for _, c := range columns {
			parts = append(parts, "CAST(? AS "+c.kind+"[])")
			arguments = append(arguments, c.array)
		}
		return "SELECT * FROM unnest(" + strings.Join(parts, ", ") + ")", arguments
	}
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	for i := range columns[0].values {
		for _, c := range columns {
			arguments = append(arguments, c.values[i])
		}
	}
	return "VALUES " + strings.TrimSuffix(strings.Repeat(row+", ", len(columns[0].values)), ", "), arguments
}

// addCounts adds counts to rows of hours or days. lockStatistics must have been called.
func (s *Store) addCounts(tx *gorm.DB, table string, added periodCounts) error {
	for part := range slices.Chunk(added.keys(), keysPerRead) {
		rows, err := s.readCounts(tx, table, part)
		if err != nil {
			return err
		}
		for _, row := range rows {
			counts, err := row.counts()
			if err != nil {
				return err
			}
			added.add(row.key(), counts)
		}
		if err := s.writeCounts(tx, table, added, part); err != nil {
			return err
		}
	}
	return nil
}

// readCounts returns those of the rows that exist.
func (s *Store) readCounts(tx *gorm.DB, table string, keys []periodKey) (rows []countRow, err error) {
	list, arguments := s.keyTuples(keys)
	return rows, tx.Table(table).Where("(organization_id, endpoint_id, event_type, period) IN ("+list+")", arguments...).Find(&rows).Error
}

func (s *Store) keyTuples(keys []periodKey) (text string, arguments []any) {
	return s.tuples(
		tupleColumn(keys, "text", func(k *periodKey) string { return k.organizationID }),
		tupleColumn(keys, "text", func(k *periodKey) string { return k.endpointID }),
		tupleColumn(keys, "text", func(k *periodKey) string { return k.eventType }),
		tupleColumn(keys, "bigint", func(k *periodKey) int64 { return int64(k.period) }),
	)
}

// writeCountsSQL writes rows of hours or days. The name of the table follows INSERT INTO.
const writeCountsSQL = ` (organization_id, endpoint_id, event_type, period, events, created, succeeded, failed, attempts, errors, durations)
SELECT * FROM unnest(CAST(? AS text[]), CAST(? AS text[]), CAST(? AS text[]), CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bigint[]),
	CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS bigint[]), CAST(? AS text[]), CAST(? AS bytea[]))
ON CONFLICT (organization_id, endpoint_id, event_type, period) DO UPDATE SET events = excluded.events, created = excluded.created,
	succeeded = excluded.succeeded, failed = excluded.failed, attempts = excluded.attempts, errors = excluded.errors, durations = excluded.durations`

// writeCounts writes the counts of rows, whatever the rows had.
func (s *Store) writeCounts(tx *gorm.DB, table string, counts periodCounts, keys []periodKey) error {
	rows := make([]countRow, len(keys))
	for i, k := range keys {
		c := counts[k]
		rows[i] = countRow{
			OrganizationID: k.organizationID, EndpointID: k.endpointID, EventType: k.eventType, Period: k.period,
			Events: c.Events, Created: c.Created, Succeeded: c.Succeeded, Failed: c.Failed, Attempts: c.Attempts,
			Errors: errorsText(c.Errors), Durations: c.Durations.Encode(),
		}
	}
	if !s.dialect.Postgres {
		return tx.Table(table).Clauses(clause.OnConflict{UpdateAll: true}).CreateInBatches(rows, s.rowsPerInsert()).Error
	}
	return tx.Exec("INSERT INTO "+table+writeCountsSQL,
		column(rows, func(r *countRow) string { return r.OrganizationID }),
		column(rows, func(r *countRow) string { return r.EndpointID }),
		column(rows, func(r *countRow) string { return r.EventType }),
		column(rows, func(r *countRow) int64 { return int64(r.Period) }),
		column(rows, func(r *countRow) int64 { return r.Events }),
		column(rows, func(r *countRow) int64 { return r.Created }),
		column(rows, func(r *countRow) int64 { return r.Succeeded }),
		column(rows, func(r *countRow) int64 { return r.Failed }),
		column(rows, func(r *countRow) int64 { return r.Attempts }),
		column(rows, func(r *countRow) string { return r.Errors }),
		column(rows, func(r *countRow) []byte { return r.Durations }),
	).Error
}

var errStatisticsState = errors.New("the row of statistics_state is missing")
