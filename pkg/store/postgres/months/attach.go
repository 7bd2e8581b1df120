package months

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// rangeOf returns the bounds of the table's partition of a month.
func rangeOf(t table, month time.Time) string {
	return "FOR VALUES FROM (" + t.bound(month) + ") TO (" + t.bound(month.AddDate(0, 1, 0)) + ")"
}

// attach makes an empty partition. Its indexes get the names of the table's with the suffix.
func attach(ctx context.Context, tx *sql.Tx, t table, suffix, bounds string) error {
	name := t.partition(suffix)
	options, err := column(ctx, tx, optionsSQL, t.partition(first), t.partition(fallback))
	if err != nil {
		return err
	}
	with := ""
	if len(options) > 0 && options[0] != "" {
		with = " WITH (" + options[0] + ")"
	}
	owner, err := t.owner(ctx, tx)
	if err != nil {
		return err
	}
	err = run(ctx, tx, "CREATE TABLE "+name+" (LIKE "+t.name+" "+likeTable+")"+with, "ALTER TABLE "+name+" OWNER TO "+owner)
	if err != nil {
		return err
	}
	if t.key != "id" { // the table cannot have the index
		if err := run(ctx, tx, "ALTER TABLE "+name+" ADD CONSTRAINT "+t.name+"_pkey_"+suffix+" PRIMARY KEY (id)"); err != nil {
			return err
		}
	}
	if err := run(ctx, tx, "ALTER TABLE "+t.name+" ATTACH PARTITION "+name+" "+bounds); err != nil {
		return err
	}
	indexes, err := texts(ctx, tx, childIndexesSQL, name)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		if err := run(ctx, tx, fmt.Sprintf("ALTER INDEX %s RENAME TO %s_%s", index[0], index[1], suffix)); err != nil {
			return err
		}
	}
	return nil
}

// owner returns the quoted name of the table's owner.
func (t table) owner(ctx context.Context, tx *sql.Tx) (string, error) {
	names, err := column(ctx, tx, "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = CAST($1 AS regclass)", t.name)
	if err != nil {
		return "", err
	}
	return names[0], nil
}

const (
	// optionsSQL returns the storage parameters of one of two partitions that exists.
	optionsSQL = `SELECT COALESCE(array_to_string(reloptions, ', '), '') FROM pg_class
WHERE relname IN ($1, $2) AND relnamespace = CAST(current_schema() AS regnamespace) ORDER BY reloptions IS NULL LIMIT 1`

	// childIndexesSQL returns the indexes of a partition, and the names of the table's indexes that they belong to.
	childIndexesSQL = `SELECT quote_ident(child.relname), parent.relname FROM pg_index i JOIN pg_class child ON child.oid = i.indexrelid
	JOIN pg_inherits h ON h.inhrelid = child.oid JOIN pg_class parent ON parent.oid = h.inhparent
WHERE i.indrelid = CAST($1 AS regclass)`
)
