package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"sync/atomic"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"redrive/pkg/webhook"
)

// Sealer encrypts what must not lie in the database in plain: keyring.Keyring in production. The additional data binds a
// ciphertext to its row.
type Sealer interface {
	Seal(plaintext, additionalData []byte) ([]byte, error)
	Open(ciphertext, additionalData []byte) ([]byte, error)
	// SealedWithNewest says whether a ciphertext is of the key that Seal uses.
	SealedWithNewest(ciphertext []byte) bool
	// KeyOf returns the ID of the key that sealed a ciphertext, of which the beginning is enough, and whether Open knows it.
	KeyOf(ciphertext []byte) (id string, known bool)
}

// Dialect is what differs between the databases.
type Dialect struct {
	Dialector  gorm.Dialector
	SQL        *sql.DB
	Goose      goose.Dialect
	Migrations fs.FS
	// Locker keeps two processes from migrating at once; nil where one process has the database to itself.
	Locker lock.SessionLocker
	// Postgres enables array parameters, data-modifying CTEs and the database's clock.
	Postgres bool
	// RowLocks enables the locking of single rows. Without it, a transaction that writes locks the whole database.
	RowLocks bool
	// Ping says whether the database answers and takes writes.
	Ping func(context.Context) error
	// Installation is a query for a text that no other database has; empty where the database is one process's own.
	Installation string
	// Unavailable says whether an error means that the database cannot be reached or cannot work, rather than that it
	// refused a statement.
	Unavailable func(error) bool
	// Full reports whether an error means that the database's disk has no space left.
	Full func(error) bool
	// OpenMigrations opens the connections that migrations run on; nil for those of SQL.
	OpenMigrations func(ctx context.Context) (*sql.DB, error)
	// Blockers describes the sessions that hold locks on the tables, if the error of a migration is that it waited for a lock in vain.
	Blockers func(ctx context.Context, db *sql.DB, err error) string
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	db      *gorm.DB
	dialect Dialect
	sealer  Sealer

	full atomic.Bool
	keys keyCheck
}

// New makes a Store of an open database, and owns it from here on.
func New(dialect Dialect, sealer Sealer) (*Store, error) {
	db, err := gorm.Open(dialect.Dialector, &gorm.Config{
		// Statements that belong together are in explicit transactions; one alone needs none.
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true, // a service starts while its database is still away
		TranslateError:         true,
		// A prepared SELECT * fails once a migration adds a column beside this process.
		QueryFields: true,
		NowFunc:     webhook.Now,
		Logger:      logger.Discard, // errors are returned, and logged once by whoever handles them
	})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return &Store{db: db, dialect: dialect, sealer: sealer}, nil
}

// Close closes the database's connections.
func (s *Store) Close() error {
	if err := s.dialect.SQL.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Stats are those of the pool of connections.
func (s *Store) Stats() sql.DBStats { return s.dialect.SQL.Stats() }

// Ping says whether the database answers and takes writes.
func (s *Store) Ping(ctx context.Context) error {
	return s.translate("ping the database", s.dialect.Ping(ctx))
}
