package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Backfilled is the result of one interval of a backfill.
type Backfilled struct {
	// From is the first hour of the interval, and Hours how many it has: 1, or 24 if single hours are no longer kept.
	From  webhook.Hour
	Hours webhook.Hour
	// Replaced and Kept are organizations whose counts of the interval were replaced, or were complete already.
	Replaced, Kept int
}

// BackfillStatistics counts what the tables have, from the present hour back to the oldest row, and reports each interval. It is for what
// processes have done that do not count, and must be run when the last of them has stopped. It may run beside processes that count, and may
// be interrupted and repeated at any time.
//
// Each interval is one transaction. It reads the rows and the deltas in one snapshot, and a row is committed together with its delta. So an
// interval can be counted exactly while deliveries of it are recorded. The counts of an organization are replaced if the tables have more of
// something, and less of nothing: rows that were purged stay counted.
func (s *Store) BackfillStatistics(ctx context.Context, now time.Time, report func(Backfilled)) error {
	oldest, err := s.oldestRow(ctx, now)
	if err != nil {
		return s.translate("find the oldest row", err)
	}
	for at := webhook.HourOf(now); at >= webhook.HourOf(oldest) && at.Day() >= webhook.OldestDay(now); {
		i := spanOf(at, now)
		done := Backfilled{From: i.from, Hours: i.to - i.from}
		some, err := s.hasRows(ctx, i)
		if err == nil && some {
			done, err = s.backfillOrRetry(ctx, i)
		}
		if err != nil {
			return s.translate("look for rows of an interval", err)
		}
		report(done)
		at = done.From - 1
		if at < webhook.HourOf(oldest) {
			return s.translate("note since when statistics are counted", countedSince(s.db.WithContext(ctx), i.from))
		}
	}
	return nil
}

// countedSince notes that everything is counted from an hour on, if it is not known yet.
func countedSince(tx *gorm.DB, from webhook.Hour) error {
	return tx.Exec("UPDATE statistics_state SET counted_from = ? WHERE counted_from IS NULL OR counted_from > ?", from, from).Error
}

// backfillTries bounds the tries of an interval. One fails if a merge was committed between the snapshot and the lock.
const backfillTries = 10

func (s *Store) backfillOrRetry(ctx context.Context, i span) (done Backfilled, err error) {
	for range backfillTries {
		if done, err = s.backfillInterval(ctx, i); webhook.CodeOf(err) != webhook.CodeUnavailable || ctx.Err() != nil {
			return done, err
		}
	}
	return done, err
}

// oldestRow returns a time that is not later than what the tables have.
func (s *Store) oldestRow(ctx context.Context, now time.Time) (time.Time, error) {
	oldest := now
	for _, first := range []struct {
		table  any
		column string
	}{{&eventRow{}, "created_at"}, {&deliveryRow{}, "created_at"}, {&attemptRow{}, "started_at"}} {
		var times []time.Time
		if err := s.db.WithContext(ctx).Model(first.table).Order("id").Limit(1).Pluck(first.column, &times).Error; err != nil {
			return oldest, err
		}
		for _, t := range times {
			oldest = earlier(oldest, t)
		}
	}
	return oldest, nil
}

// span is an interval of a backfill.
type span struct {
	from, to webhook.Hour
	// table and period name the rows that have the interval's counts.
	table  string
	period webhook.Hour
}

// spanOf returns the interval with an hour: the hour, or its day if single hours are no longer kept.
func spanOf(at webhook.Hour, now time.Time) span {
	if at >= webhook.OldestHour(now) {
		return span{at, at + 1, "statistics_hours", at}
	}
	first := at.Day().FirstHour()
	return span{first, (at.Day() + 1).FirstHour(), "statistics_days", webhook.Hour(at.Day())}
}

func (s *Store) backfillInterval(ctx context.Context, i span) (done Backfilled, err error) {
	var options []*sql.TxOptions
	if s.dialect.Postgres {
		options = append(options, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	}
	err = s.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		done = Backfilled{From: i.from, Hours: i.to - i.from}
		if _, err := s.lockStatistics(tx, false); err != nil {
			return err
		}
		have, deltas, err := s.takeCounted(tx, i)
		if err != nil {
			return err
		}
		counted, err := s.countRows(tx, i)
		if err != nil {
			return err
		}
		if err := s.replaceCounts(tx, i, have, counted, deltas, &done); err != nil {
			return err
		}
		return countedSince(tx, i.from)
	}, options...)
	return done, s.translate("count an interval again", err)
}

// takeCounted deletes the deltas of an interval and returns them, with the rows that have counts of it.
func (s *Store) takeCounted(tx *gorm.DB, i span) (rows map[string][]countRow, tallies []webhook.Tally, err error) {
	var deltas []deltaRow
	if err := tx.Clauses(returning(&deltaRow{})).Where("hour >= ? AND hour < ?", i.from, i.to).Delete(&deltas).Error; err != nil {
		return nil, nil, err
	}
	slices.SortFunc(deltas, deltaRow.compare)
	if tallies, err = talliesOf(deltas); err != nil {
		return nil, nil, err
	}
	var hours, days []countRow
	if err := tx.Table("statistics_hours").Where("period + 0 >= ? AND period + 0 < ?", i.from, i.to).Find(&hours).Error; err != nil {
		return nil, nil, err
	}
	if i.table == "statistics_days" {
		if err := tx.Table(i.table).Where("period + 0 = ?", i.period).Find(&days).Error; err != nil {
			return nil, nil, err
		}
	}
	rows = map[string][]countRow{}
	for _, row := range append(hours, days...) {
		rows[row.OrganizationID] = append(rows[row.OrganizationID], row)
	}
	return rows, tallies, nil
}

// countRows counts what the tables have of an interval, by organization.
func (s *Store) countRows(tx *gorm.DB, i span) (map[string]periodCounts, error) {
	tallies, err := s.talliesOfRows(tx, i)
	if err != nil {
		return nil, err
	}
	// The names of days whose hours are no longer kept are not kept either.
	if err := s.nameTypes(tx, tallies, i.table == "statistics_hours"); err != nil {
		return nil, err
	}
	counted := map[string]periodCounts{}
	for _, t := range tallies {
		if counted[t.OrganizationID] == nil {
			counted[t.OrganizationID] = periodCounts{}
		}
		t.Hour = i.period
		counted[t.OrganizationID].addTally(t)
	}
	return counted, nil
}

// replaceCounts writes the counts of the tables for each organization for which they are more complete, and the deltas of the others.
func (s *Store) replaceCounts(tx *gorm.DB, i span, have map[string][]countRow, counted map[string]periodCounts, deltas []webhook.Tally, done *Backfilled) error {
	totals := map[string]*webhook.Counts{}
	for organization, rows := range have {
		totals[organization] = &webhook.Counts{}
		for _, row := range rows {
			if row.EndpointID == "" && row.EventType == "" {
				totals[organization].Add(webhook.Counts{Events: row.Events, Created: row.Created, Succeeded: row.Succeeded, Attempts: row.Attempts})
			}
		}
	}
	for _, t := range deltas {
		if totals[t.OrganizationID] == nil {
			totals[t.OrganizationID] = &webhook.Counts{}
		}
		totals[t.OrganizationID].Add(t.Counts)
	}
	replaced := periodCounts{}
	var removed [2][]periodKey // of hours and days
	for organization, counts := range counted {
		before := totals[organization]
		if before != nil && !moreComplete(*counts[periodKey{organization, "", "", i.period}], *before) {
			done.Kept++
			continue
		}
		done.Replaced++
		for key, c := range counts {
			replaced[key] = c
		}
		for _, row := range have[organization] {
			if row.Period == i.period && i.table == "statistics_days" {
				removed[1] = append(removed[1], row.key())
			} else {
				removed[0] = append(removed[0], row.key())
			}
		}
		deltas = slices.DeleteFunc(deltas, func(t webhook.Tally) bool { return t.OrganizationID == organization })
	}
	for n, table := range []string{"statistics_hours", "statistics_days"} {
		for part := range slices.Chunk(removed[n], keysPerRead) {
			if err := s.deleteCounts(tx, table, part); err != nil {
				return err
			}
		}
	}
	for part := range slices.Chunk(replaced.keys(), keysPerRead) {
		if err := s.writeCounts(tx, i.table, replaced, part); err != nil {
			return err
		}
	}
	return s.mergeTallies(tx, deltas)
}

// moreComplete reports whether rows that were counted have more of something than what was counted before, and less of nothing. Failures are
// left out: rows do not show a failure without an attempt that was followed by a retry.
func moreComplete(rows, before webhook.Counts) bool {
	more, less := false, false
	for _, pair := range [][2]int64{
		{rows.Events, before.Events}, {rows.Created, before.Created}, {rows.Succeeded, before.Succeeded}, {rows.Attempts, before.Attempts},
	} {
		more, less = more || pair[0] > pair[1], less || pair[0] < pair[1]
	}
	return more && !less
}

// KnowsCounts reports whether it is known since when everything is counted. It is not after a migration of a database with events, until
// BackfillStatistics has run.
func (s *Store) KnowsCounts(ctx context.Context) (bool, error) {
	since, err := countedFrom(s.db.WithContext(ctx))
	return since != nil, s.translate("read since when statistics are counted", err)
}
