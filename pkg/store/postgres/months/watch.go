package months

import (
	"context"
	"database/sql"
	"strings"
)

// changes is the name of the table that gets the IDs of deliveries of the month that change during its scan.
func (m part) changes() string { return deliveries.partition(m.suffix) + changed }

// changed is the end of the names of this table, of the trigger that fills it, and of the trigger's function.
const changed = "_changed"

// watch records every delivery of the month that is inserted or updated from now on. What was written before is committed when it returns, and
// is seen by a scan.
func (m part) watch(ctx context.Context, db *sql.DB) error {
	name := m.changes()
	return short(ctx, db, func(tx *sql.Tx) error {
		schema, err := column(ctx, tx, "SELECT quote_ident(current_schema())")
		if err != nil {
			return err
		}
		place := schema[0] + "." + name
		return run(ctx, tx,
			"CREATE TABLE "+name+` (id text COLLATE "C" NOT NULL)`,
			"CREATE FUNCTION "+name+"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "+
				"'BEGIN INSERT INTO "+place+" VALUES (NEW.id); RETURN NULL; END'",
			"CREATE TRIGGER "+name+" AFTER INSERT OR UPDATE ON "+deliveries.partition(m.suffix)+" FOR EACH ROW EXECUTE FUNCTION "+name+"()")
	})
}

// unwatch ends watch.
func (m part) unwatch(ctx context.Context, db *sql.DB) error { return unwatch(ctx, db, m.changes()) }

func unwatch(ctx context.Context, db *sql.DB, name string) error {
	return short(ctx, db, func(tx *sql.Tx) error {
		return run(ctx, tx, "DROP FUNCTION IF EXISTS "+name+"() CASCADE", "DROP TABLE IF EXISTS "+name)
	})
}

// removeLeft removes what drops leave, also those that were interrupted: partitions that are detached, and the tables of watch. No other
// statement uses the detached tables, so that nothing is blocked while their files are removed.
func removeLeft(ctx context.Context, db *sql.DB) error {
	left, err := column(ctx, db, `SELECT relname FROM pg_class WHERE relnamespace = CAST(current_schema() AS regnamespace)
		AND relkind = 'r' AND NOT relispartition AND relname ~ '^(events|deliveries|attempts)_([0-9]{6}|first)_(detached|changed)$' ORDER BY relname DESC`)
	if err != nil {
		return err
	}
	for _, name := range left {
		if strings.HasSuffix(name, changed) {
			err = unwatch(ctx, db, name)
		} else {
			err = short(ctx, db, func(tx *sql.Tx) error { return run(ctx, tx, "DROP TABLE "+name) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
