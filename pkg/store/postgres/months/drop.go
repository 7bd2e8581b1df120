package months

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"redrive/pkg/store"
)

// mostKept bounds the deliveries of a month that are moved to the default partition under the lock. A month with more is left to the purge in
// batches.
const mostKept = 5000

// detached is the end of the name of a table that was a partition.
const detached = "_detached"

// Drop drops the partitions of months that ended before a time, oldest first. A delivery that waits or was updated at or after the time is
// moved to the default partition, with its attempts, and so are the events of deliveries that remain. A month with more than mostKept of
// these deliveries is left out. Drop returns store.ErrPartitionsBusy if another process changes partitions.
func (m *Months) Drop(ctx context.Context, before time.Time) (dropped []store.DroppedMonth, err error) {
	db := m.db
	found, err := read(ctx, db)
	if err != nil || !found.divided() {
		return nil, err
	}
	err = exclusive(ctx, db, func() error {
		if err := removeLeft(ctx, db); err != nil {
			return err
		}
		for _, p := range found["deliveries"] {
			if p.to.IsZero() || p.to.After(before) || !found.whole(p) {
				continue
			}
			one, err := drop(ctx, db, p, before)
			if err != nil {
				return fmt.Errorf("drop the month before %s: %w", p.to.Format(time.DateOnly), err)
			}
			dropped = append(dropped, one)
		}
		return nil
	})
	return dropped, err
}

// whole reports whether every table has the partition.
func (l layout) whole(p part) bool {
	for _, t := range tables {
		if other, exists := l.find(t, p.suffix); !exists || !other.to.Equal(p.to) {
			return false
		}
	}
	return true
}

// drop drops the partitions of one month.
func drop(ctx context.Context, db *sql.DB, m part, before time.Time) (one store.DroppedMonth, err error) {
	one = store.DroppedMonth{Name: m.suffix}
	if err := m.watch(ctx, db); err != nil {
		return one, err
	}
	kept, err := m.scan(ctx, db, before, &one)
	if err == nil {
		one.Kept = int64(len(kept))
		if one.TooMany = len(kept) > mostKept; !one.TooMany {
			err = m.detach(ctx, db, kept, &one)
		}
	}
	if err != nil || one.TooMany {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
		defer cancel()
		return one, errors.Join(err, m.unwatch(undo, db))
	}
	return one, removeLeft(ctx, db)
}

// scan counts the rows of the month and returns the deliveries that are kept, unless these are too many. It blocks nothing. It reads the
// deliveries alone, once if none is kept, and asks PostgreSQL about how many attempts and events there are.
func (m part) scan(ctx context.Context, db *sql.DB, before time.Time, one *store.DroppedMonth) (kept []string, err error) {
	table := deliveries.partition(m.suffix)
	const remains = "status IN ('pending', 'retrying') OR updated_at >= $1"
	const about = `(SELECT CAST(GREATEST(reltuples, pg_stat_get_live_tuples(oid), 0) AS bigint) FROM pg_class WHERE oid = CAST(CAST(%s AS text) AS regclass))`
	amounts := "count(*), count(*) FILTER (WHERE " + remains + "), " + fmt.Sprintf(about, "$2") + ", " + fmt.Sprintf(about, "$3")
	err = inTransaction(ctx, db, func(tx *sql.Tx) error {
		if err := run(ctx, tx, "SET LOCAL enable_seqscan = on; SET LOCAL max_parallel_workers_per_gather = 2"); err != nil {
			return err
		}
		row := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT %s FROM %s", amounts, table), described, before.UTC(),
			attempts.partition(m.suffix), events.partition(m.suffix))
		if err := row.Scan(&one.Deliveries, &one.Kept, &one.Attempts, &one.Events); err != nil {
			return fmt.Errorf("count the rows: %w", err)
		}
		if one.Kept == 0 {
			return nil
		}
		kept, err = column(ctx, tx, "SELECT id FROM "+table+" WHERE "+remains+" LIMIT $2", before.UTC(), mostKept+1)
		return err
	})
	return kept, err
}

// detach detaches the partitions and moves what is kept, in one transaction with short locks.
func (m part) detach(ctx context.Context, db *sql.DB, kept []string, one *store.DroppedMonth) error {
	began := time.Time{}
	err := short(ctx, db, func(tx *sql.Tx) error {
		for _, t := range tables {
			if err := run(ctx, tx, "LOCK TABLE ONLY "+t.name+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				return err
			}
		}
		began = time.Now()
		for _, t := range tables {
			child := t.partition(m.suffix)
			err := run(ctx, tx, "ALTER TABLE "+t.name+" DETACH PARTITION "+child, "ALTER TABLE "+child+" RENAME TO "+child+detached)
			if err != nil {
				return err
			}
		}
		return m.move(ctx, tx, kept)
	})
	one.Locked = time.Since(began)
	return err
}

// move inserts what is kept into the tables, whose default partitions take it. Deliveries that changed since the scan are kept too.
func (m part) move(ctx context.Context, tx *sql.Tx, kept []string) error {
	changed, err := column(ctx, tx, "SELECT DISTINCT id FROM "+m.changes())
	if err != nil {
		return err
	}
	kept = append(kept, changed...)
	for _, statement := range []string{
		"INSERT INTO deliveries SELECT * FROM " + deliveries.partition(m.suffix) + detached + " WHERE id = ANY($1)",
		"INSERT INTO attempts SELECT * FROM " + attempts.partition(m.suffix) + detached + " WHERE delivery_id = ANY($1)",
	} {
		if _, err := tx.ExecContext(ctx, statement, described, kept); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	// The index of the events of deliveries has those that remain: the deliveries of the month are gone from it.
	lower := ""
	if !m.from.IsZero() {
		lower = "event_id >= " + events.bound(m.from) + " AND "
	}
	return run(ctx, tx, "INSERT INTO events SELECT * FROM "+events.partition(m.suffix)+detached+
		" WHERE id IN (SELECT event_id FROM deliveries WHERE "+lower+"event_id < "+events.bound(m.to)+")")
}
