// Package sqlite opens a store in a SQLite file: for trying Redrive on a laptop, in one process, with nothing installed. The
// services do not link it.
package sqlite

import (
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	driver "github.com/glebarez/go-sqlite"
	"github.com/glebarez/sqlite"
	"github.com/pressly/goose/v3"
	codes "modernc.org/sqlite/lib"

	"redrive/pkg/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// maxConnections is for readers: SQLite has one writer at a time, and the others wait for it.
const maxConnections = 8

// Open makes a store of the SQLite database in the file, which is created if it is not there.
func Open(path string, sealer store.Sealer) (*store.Store, error) {
	db, err := sql.Open(sqlite.DriverName, dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open the SQLite driver: %w", err)
	}
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}
	opened, err := store.New(store.Dialect{
		Dialector:   &sqlite.Dialector{Conn: db},
		SQL:         db,
		Goose:       goose.DialectSQLite3,
		Migrations:  folder,
		Ping:        db.PingContext,
		Unavailable: unavailable,
		Full:        full,
	}, sealer)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return opened, nil
}

// dsn sets what concurrent use needs. Transactions take the write lock when they begin: one that began by reading and
// then wants to write would fail at once if another had written meanwhile, and no busy timeout would help.
func dsn(path string) string {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "foreign_keys(1)"},
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// full reports whether the disk has no space left.
func full(err error) bool {
	var refused *driver.Error
	return errors.As(err, &refused) && refused.Code()&0xff == codes.SQLITE_FULL
}

// unavailable knows the errors of a database that is locked for long, or whose disk is full, read-only or broken
// (https://www.sqlite.org/rescode.html).
func unavailable(err error) bool {
	var refused *driver.Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code() & 0xff { // the lower byte is the primary code
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_READONLY, codes.SQLITE_IOERR, codes.SQLITE_FULL, codes.SQLITE_CANTOPEN:
		return true
	}
	return false
}
