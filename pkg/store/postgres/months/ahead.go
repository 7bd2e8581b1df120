package months

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"redrive/pkg/store"
)

// Ahead makes the partitions that are missing for the current month and the next AheadMonths. It returns the names of those
// that cannot be made because the default partition has rows of their months. It makes nothing if the tables are not divided, and returns
// store.ErrPartitionsBusy if another process does it at this moment.
func (m *Months) Ahead(ctx context.Context, now time.Time) (missing []string, err error) {
	db := m.db
	wanted, err := absent(ctx, db, now)
	if err != nil || len(wanted) == 0 {
		return nil, errors.Join(err, undoKilled(ctx, db))
	}
	err = exclusive(ctx, db, func() error {
		if wanted, err = absent(ctx, db, now); err != nil { // another process may have made them
			return err
		}
		for _, w := range wanted {
			done, err := w.attach(ctx, db)
			if err != nil {
				return fmt.Errorf("make the partition %s: %w", w.name(), err)
			}
			if !done {
				missing = append(missing, w.name())
			}
		}
		return nil
	})
	return missing, err
}

// undoKilled removes the constraints of a conversion that was killed, before the month begins whose IDs they refuse.
func undoKilled(ctx context.Context, db *sql.DB) error {
	left, err := constraints(ctx, db)
	if err != nil || len(left) == 0 {
		return err
	}
	return exclusive(ctx, db, func() error { return release(ctx, db) })
}

// absentPart is a partition that does not exist.
type absentPart struct {
	table
	month time.Time
}

func (a absentPart) name() string { return a.partition(suffixOf(a.month)) }

// absent returns the partitions that are missing from now on. It returns none if the tables are not divided.
func absent(ctx context.Context, db *sql.DB, now time.Time) (all []absentPart, err error) {
	found, err := read(ctx, db)
	if err != nil || !found.divided() {
		return nil, err
	}
	for _, m := range from(store.StartOfMonth(now), store.StartOfMonth(now).AddDate(0, AheadMonths+1, 0)) {
		for _, t := range tables {
			if !found.covers(t, m) {
				all = append(all, absentPart{t, m})
			}
		}
	}
	return all, nil
}

// covers reports whether a partition of the table other than the default one has the month.
func (l layout) covers(t table, month time.Time) bool {
	for _, p := range l[t.name] {
		if !month.Before(p.from) && month.Before(p.to) {
			return true
		}
	}
	return false
}

// attach makes the partition, unless the default partition has rows of its month.
func (a absentPart) attach(ctx context.Context, db *sql.DB) (bool, error) {
	next := a.month.AddDate(0, 1, 0)
	strays, err := column(ctx, db, "SELECT "+a.key+" FROM "+a.partition(fallback)+
		" WHERE "+a.key+" >= "+a.bound(a.month)+" AND "+a.key+" < "+a.bound(next)+" LIMIT 1")
	if err != nil || len(strays) > 0 {
		return false, err
	}
	err = short(ctx, db, func(tx *sql.Tx) error { return attach(ctx, tx, a.table, suffixOf(a.month), rangeOf(a.table, a.month)) })
	if isCode(err, outOfRange) { // a row has come meanwhile
		return false, nil
	}
	return err == nil, err
}
