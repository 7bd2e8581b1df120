package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"redrive/pkg/webhook"
)

// filling writes as many deliveries into the tables as years of use would, each with its event and its attempt. It copies an existing
// delivery, so it sets only the columns that differ.
type filling struct {
	database   *database
	deliveryID string // of the copied delivery
	count      int
	endpoints  []string // the copies use them in turn
	// anew replaces the content of the tables by the copies. This is several times as fast, because PostgreSQL does not log writes to a
	// table that the same transaction has truncated.
	anew bool
	// further are more changes of the copies, by table and column. They are SQL expressions of the copy's number n and of the columns of
	// from.
	further map[string]map[string]string
	// from is a further item of the FROM clause of each copy, such as a LATERAL subquery. It may be empty.
	from string
	// sorted builds the indexes after the rows. This is faster, and the indexes are denser than after years of inserts.
	sorted bool
}

// filledAge is the age of all copies.
const filledAge = "30 days"

// filledID returns the ID of a copied delivery. Hexadecimal digits are valid in a ULID, and the prefix sorts before any ID that is made
// now.
func filledID(number int) string {
	return fmt.Sprintf("%s_%s%023X", webhook.KindDelivery, filledPrefix, number)
}

const filledPrefix = "01J"

// filledIDSQL is filledID in SQL, of the number n. It serves every kind of ID.
func filledIDSQL(kind webhook.Kind) string {
	return "'" + string(kind) + "_" + filledPrefix + "' || lpad(upper(to_hex(n)), 23, '0')"
}

// isFailure selects the copies that have ended in failure.
func isFailure(number int) bool { return number%2 == 0 }

// copied names a row that is copied, and the columns that differ in each copy.
type copied struct {
	condition string
	changes   map[string]string
}

func (f filling) tables() map[string]copied {
	const then = "now() - interval '" + filledAge + "'"
	tables := map[string]copied{
		"events": {
			"id = (SELECT event_id FROM deliveries WHERE id = $1)",
			map[string]string{"id": filledIDSQL(webhook.KindEvent), "created_at": then},
		},
		"deliveries": {"id = $1", map[string]string{
			"id": filledIDSQL(webhook.KindDelivery), "event_id": filledIDSQL(webhook.KindEvent), "last_attempt_id": filledIDSQL(webhook.KindAttempt), "endpoint_id": turnSQL(f.endpoints, "n"),
			"status":     "CASE WHEN n % 2 = 0 THEN 'failure' ELSE 'success' END",
			"created_at": then, "updated_at": then,
		}},
		"attempts": {"delivery_id = $1", map[string]string{
			"id": filledIDSQL(webhook.KindAttempt), "delivery_id": filledIDSQL(webhook.KindDelivery), "started_at": then,
		}},
	}
	for name, changes := range f.further {
		maps.Copy(tables[name].changes, changes)
	}
	return tables
}

// turnSQL is the endpoint of a copy in SQL: the number of the copy selects it.
func turnSQL(endpoints []string, number string) string {
	return fmt.Sprintf("(ARRAY['%s'])[1 + (%s) %% %d]", strings.Join(endpoints, "', '"), number, len(endpoints))
}

func (f filling) run(ctx context.Context) error {
	// All templates are read before the first table is truncated, because each is found through another.
	conn, err := f.database.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Release()
	tables := f.tables()
	for name, table := range tables {
		statement := "CREATE TABLE template_" + name + " AS SELECT * FROM " + name + " WHERE " + table.condition
		if _, err := conn.Exec(ctx, statement, pgx.QueryExecModeSimpleProtocol, f.deliveryID); err != nil {
			return fmt.Errorf("read what is copied: %w", err)
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for name, table := range tables {
		group.Go(func() error { return f.copy(groupCtx, name, table.changes) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return f.database.exec(ctx, "DROP TABLE template_events, template_deliveries, template_attempts",
		"VACUUM (ANALYZE) events, deliveries, attempts", "CHECKPOINT")
}

func (f filling) copy(ctx context.Context, table string, changes map[string]string) (err error) {
	columns, err := f.columns(ctx, table)
	if err != nil {
		return err
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		values[i] = "t." + column
		if change, changed := changes[column]; changed {
			values[i] = change
		}
	}
	tx, err := f.database.pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback(context.WithoutCancel(ctx)))) }()
	if f.anew {
		if _, err := tx.Exec(ctx, "TRUNCATE "+table); err != nil {
			return fmt.Errorf("empty %s: %w", table, err)
		}
	}
	var indexes []index
	if f.sorted {
		if indexes, err = dropIndexes(ctx, tx, table); err != nil {
			return err
		}
	}
	statement := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM template_%s t CROSS JOIN generate_series(1, $1) n %s",
		table, strings.Join(columns, ", "), strings.Join(values, ", "), table, f.from)
	if _, err := tx.Exec(ctx, statement, f.count); err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	if err := createIndexes(ctx, tx, indexes); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("fill %s: %w", table, err)
	}
	return nil
}

// columns returns the columns of a table, in their order.
func (f filling) columns(ctx context.Context, table string) ([]string, error) {
	rows, err := f.database.pool.Query(ctx,
		"SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema ORDER BY ordinal_position", table)
	if err != nil {
		return nil, fmt.Errorf("list the columns of %s: %w", table, err)
	}
	columns, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the columns of %s: %w", table, err)
	}
	return slices.Clip(columns), nil
}

func ignoreDone(err error) error {
	if errors.Is(err, pgx.ErrTxClosed) {
		return nil
	}
	return err
}
