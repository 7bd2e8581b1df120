// Package sqlite opens a store in a SQLite file, for local mode: one process on a laptop. The services do not import it.
package sqlite

import (
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

// driverName is the name of SQLite's driver in database/sql.
const driverName = sqlite.DriverName

// Open makes a store of the SQLite database in the file. It creates the file if it does not exist.
func Open(path string, sealer store.Sealer) (*store.Store, error) {
	connections, err := openPools(dsn(path))
	if err != nil {
		return nil, fmt.Errorf("open the SQLite driver: %w", err)
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}
	opened, err := store.New(store.Dialect{
		Dialector:   &sqlite.Dialector{Conn: connections},
		SQL:         connections.read,
		Close:       connections.Close,
		Goose:       goose.DialectSQLite3,
		Migrations:  folder,
		Ping:        connections.read.PingContext,
		Unavailable: unavailable,
		Full:        full,
	}, sealer)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), connections.Close())
	}
	return opened, nil
}

// dsn returns the data source name with the settings for concurrent use. Transactions take the write lock when they begin. Otherwise, a
// transaction that first reads and then writes fails if another one has written meanwhile, and a busy timeout does not help.
// The busy timeout is for other processes that open the file.
func dsn(path string) string {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(30000)", "journal_mode(WAL)", "foreign_keys(1)"},
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// full reports whether the disk has no space left.
func full(err error) bool {
	var refused *driver.Error
	return errors.As(err, &refused) && refused.Code()&0xff == codes.SQLITE_FULL
}

// unavailable reports whether an error means that the database is locked, or that its disk is full, read-only or broken
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
