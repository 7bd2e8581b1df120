package months

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"redrive/pkg/webhook"
)

// part is a partition of a table. The zero from is unlimited. The default partition has neither from nor to.
type part struct {
	suffix   string
	from, to time.Time
}

// layout has the partitions of each table by its name, in the order of their ranges, the default partition first.
type layout map[string][]part

// divided reports whether the tables are partitioned. They are converted in one transaction.
func (l layout) divided() bool { return len(l) == len(tables) }

// find returns the table's partition with the suffix.
func (l layout) find(t table, suffix string) (part, bool) {
	at := slices.IndexFunc(l[t.name], func(p part) bool { return p.suffix == suffix })
	if at < 0 {
		return part{}, false
	}
	return l[t.name][at], true
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

const layoutSQL = `SELECT parent.relname, child.relname, pg_get_expr(child.relpartbound, child.oid)
FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_class child ON child.oid = i.inhrelid
WHERE parent.relnamespace = CAST(current_schema() AS regnamespace) AND parent.relkind = 'p'`

func read(ctx context.Context, db querier) (found layout, err error) {
	rows, err := texts(ctx, db, layoutSQL)
	if err != nil {
		return nil, fmt.Errorf("read the partitions: %w", err)
	}
	found = layout{}
	for _, row := range rows {
		suffix := strings.TrimPrefix(row[1], row[0]+"_")
		from, to := bounds(row[2])
		found[row[0]] = append(found[row[0]], part{suffix, from, to})
	}
	for _, parts := range found {
		slices.SortFunc(parts, func(a, b part) int { return a.to.Compare(b.to) })
	}
	return found, nil
}

// literal is an ID in the text of a partition's bounds.
var literal = regexp.MustCompile(`'([^']*)'`)

// bounds returns the times of a partition's bounds. MINVALUE and those of the default partition are zero.
func bounds(text string) (from, to time.Time) {
	lower, upper, _ := strings.Cut(text, " TO ")
	return timeIn(lower), timeIn(upper)
}

func timeIn(bound string) time.Time {
	found := literal.FindStringSubmatch(bound)
	if found == nil {
		return time.Time{}
	}
	at, _ := webhook.TimeOfID(found[1])
	return at
}

// texts returns the rows of a query whose columns are texts.
func texts(ctx context.Context, db querier, query string, arguments ...any) (all [][]string, err error) {
	rows, err := db.QueryContext(ctx, query, append([]any{described}, arguments...)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row := make([]string, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// column returns the first column of a query's rows.
func column(ctx context.Context, db querier, query string, arguments ...any) ([]string, error) {
	rows, err := texts(ctx, db, query, arguments...)
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = row[0]
	}
	return all, err
}
