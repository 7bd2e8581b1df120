package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
)

// maxReaders bounds concurrent reads.
const maxReaders = 8

// pools are the connections to one SQLite file. SQLite has one writer at a time. If two connections write, the second one polls for the
// lock, and may lose it to later ones until its busy timeout has passed. So there is one connection for writes. Callers wait for it in
// database/sql, for as long as their contexts permit. Reads do not wait for writes.
type pools struct {
	read, write *sql.DB
}

func openPools(dsn string) (pools, error) {
	read, err := openPool(dsn, maxReaders)
	if err != nil {
		return pools{}, err
	}
	write, err := openPool(dsn, 1)
	if err != nil {
		return pools{}, errors.Join(err, read.Close())
	}
	return pools{read: read, write: write}, nil
}

func openPool(dsn string, connections int) (*sql.DB, error) {
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func (p pools) Close() error { return errors.Join(p.write.Close(), p.read.Close()) }

// BeginTx begins a transaction that may write.
func (p pools) BeginTx(ctx context.Context, options *sql.TxOptions) (*sql.Tx, error) {
	return p.write.BeginTx(ctx, options)
}

func (p pools) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.of(query).PrepareContext(ctx, query)
}

func (p pools) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.write.ExecContext(ctx, query, args...)
}

func (p pools) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.of(query).QueryContext(ctx, query, args...)
}

func (p pools) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.of(query).QueryRowContext(ctx, query, args...)
}

// writes finds statements that write and return rows, such as INSERT … RETURNING, also after WITH.
var writes = regexp.MustCompile(`(?i)\b(INSERT|UPDATE|DELETE|REPLACE)\b`)

// of returns the connections for a statement that returns rows.
func (p pools) of(query string) *sql.DB {
	if writes.MatchString(query) {
		return p.write
	}
	return p.read
}
