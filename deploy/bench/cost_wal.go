package bench

import (
	"context"
	"fmt"
	"strings"

	"redrive/deploy/bench/report"
)

// logged is what a part of the WAL consists of.
type logged struct {
	known   bool // the server has the extension that reads its WAL
	rows    float64
	entries float64 // of indexes
	commits float64
	images  float64 // bytes of pages that were written as a whole, after a checkpoint
}

// walPosition returns the end of the WAL that is on disk. Every acknowledged commit is before it.
func (d *database) walPosition(ctx context.Context) (position string, err error) {
	if err := d.pool.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&position); err != nil {
		return "", fmt.Errorf("ask for the end of the WAL: %w", err)
	}
	return position, nil
}

// loggedBetween reads the records between two positions, with the extension pg_walinspect of PostgreSQL 15. A server without it knows
// nothing of them.
func (d *database) loggedBetween(ctx context.Context, from, to string) (l logged, err error) {
	var present bool
	const available = "SELECT EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_walinspect')"
	if err := d.pool.QueryRow(ctx, available).Scan(&present); err != nil || !present {
		return l, err
	}
	if err := d.exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_walinspect"); err != nil {
		return l, err
	}
	const records = `SELECT "resource_manager/record_type", count::float8, fpi_size::float8 FROM pg_get_wal_stats($1::pg_lsn, $2::pg_lsn, true) WHERE count > 0`
	rows, err := d.pool.Query(ctx, records, from, to)
	if err != nil {
		return l, fmt.Errorf("read the WAL: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var count, images float64
		if err := rows.Scan(&kind, &count, &images); err != nil {
			return l, fmt.Errorf("read the WAL: %w", err)
		}
		l.add(kind, count)
		l.images += images
	}
	l.known = true
	return l, rows.Err()
}

// add counts records of a kind. A leaf page of an index that is split gets an entry too.
func (l *logged) add(kind string, count float64) {
	kind = strings.TrimSuffix(kind, "+INIT")
	switch kind {
	case "Heap/INSERT", "Heap/UPDATE", "Heap/HOT_UPDATE", "Heap/DELETE":
		l.rows += count
	case "Btree/INSERT_LEAF", "Btree/INSERT_POST", "Btree/SPLIT_L", "Btree/SPLIT_R":
		l.entries += count
	case "Transaction/COMMIT":
		l.commits += count
	}
}

// note adds the samples of an operation that was done count times.
func (l logged) note(samples *report.Samples, operation string, count int) {
	if !l.known {
		return
	}
	for amount, value := range map[string]float64{costRows: l.rows, costIndex: l.entries, costCommits: l.commits, costImages: l.images} {
		samples.Add(report.Detail(rowCost, operation+": "+amount), value/float64(count))
	}
}
