package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// index is an index of a table that belongs to no constraint.
type index struct{ Name, Definition string }

// dropIndexes drops the indexes of a table that belong to no constraint, and returns them.
func dropIndexes(ctx context.Context, tx pgx.Tx, table string) ([]index, error) {
	const list = `SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = $1::text::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`
	rows, err := tx.Query(ctx, list, table)
	if err != nil {
		return nil, fmt.Errorf("list the indexes of %s: %w", table, err)
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return nil, fmt.Errorf("list the indexes of %s: %w", table, err)
	}
	for _, one := range indexes {
		if _, err := tx.Exec(ctx, "DROP INDEX "+one.Name); err != nil {
			return nil, fmt.Errorf("drop the index %s: %w", one.Name, err)
		}
	}
	return indexes, nil
}

// sortMemory is the memory that PostgreSQL may use to build one index of a filled table.
const sortMemory = "256MB"

// createIndexes builds indexes that dropIndexes has dropped.
func createIndexes(ctx context.Context, tx pgx.Tx, indexes []index) error {
	if len(indexes) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "SET LOCAL maintenance_work_mem = '"+sortMemory+"'"); err != nil {
		return fmt.Errorf("give memory to the building of indexes: %w", err)
	}
	for _, one := range indexes {
		if _, err := tx.Exec(ctx, one.Definition); err != nil {
			return fmt.Errorf("build the index %s: %w", one.Name, err)
		}
	}
	return nil
}
