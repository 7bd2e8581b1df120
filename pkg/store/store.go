package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"redrive/pkg/webhook"
)

// Sealer encrypts signing secrets and header values. The additional data binds a ciphertext to its row. keyring.Keyring implements it.
type Sealer interface {
	Seal(plaintext, additionalData []byte) ([]byte, error)
	Open(ciphertext, additionalData []byte) ([]byte, error)
	// SealedWithNewest reports whether a ciphertext was sealed with the key that Seal uses.
	SealedWithNewest(ciphertext []byte) bool
	// KeyOf returns the ID of the key that sealed a ciphertext, and whether Open has that key. The first bytes of the ciphertext suffice.
	KeyOf(ciphertext []byte) (id string, known bool)
}

// Dialect is the difference between the databases.
type Dialect struct {
	Dialector gorm.Dialector
	// Replica may answer lists, searches and statistics. It is optional.
	Replica *Replica
	// SQL is for migrations and for the statistics of the connections.
	SQL *sql.DB
	// Close closes all connections.
	Close      func() error
	Goose      goose.Dialect
	Migrations fs.FS
	// Locker prevents concurrent migrations. It is nil for a database that belongs to one process.
	Locker lock.SessionLocker
	// Postgres enables array parameters, data-modifying CTEs and the database's clock.
	Postgres bool
	// StatementTimeout bounds each statement of a batch, so that the first one detects a database that hangs. Required with Postgres.
	StatementTimeout time.Duration
	// RowLocks enables the locking of single rows. Without it, a transaction that writes locks the whole database.
	RowLocks bool
	// Ping returns an error unless the database answers and accepts writes.
	Ping func(context.Context) error
	// CustomPlan is an argument before those of a query that has the database plan the query for the values of the others. If it is nil, the
	// database does so anyway.
	CustomPlan any
	// Installation is a query for a text that no other database has. It is empty for a database that belongs to one process.
	Installation string
	// Unavailable reports whether an error means that the database cannot be reached or cannot work. It is false for the refusal of a
	// single statement.
	Unavailable func(error) bool
	// Explain adds to an error which setting has to change, if one is known. nil adds nothing.
	Explain func(error) error
	// Full reports whether an error means that the database's disk has no space left.
	Full func(error) bool
	// OpenMigrations opens the connections for migrations. If it is nil, migrations use SQL.
	OpenMigrations func(ctx context.Context) (*sql.DB, error)
	// Blockers describes the sessions that hold locks on the tables if a migration timed out on a lock. It returns "" for other errors.
	Blockers func(ctx context.Context, db *sql.DB, err error) string
	// Partitions divides the large tables by month. It is nil for a database that cannot.
	Partitions Partitions
	// Vanished reports whether an error means that a table does not exist. Required with Partitions.
	Vanished func(error) bool
}

// Store reads and writes the database. It is safe for concurrent use.
type Store struct {
	db      *gorm.DB
	dialect Dialect
	sealer  Sealer

	operations atomic.Pointer[operations]
	replica    *replica // nil without one
	sources    bulkSources

	// layout is how the tables are divided, as far as this process knows. It is nil for tables that are not.
	layout   atomic.Pointer[PartitionLayout]
	layoutAt atomic.Int64 // when this process looked, in nanoseconds since the epoch

	full atomic.Bool
	keys keyCheck
}

// New makes a Store of an open database. Close closes the database.
func New(dialect Dialect, sealer Sealer) (*Store, error) {
	db, err := gorm.Open(dialect.Dialector, &gorm.Config{
		// A single statement needs no transaction. Others use explicit transactions.
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true, // a service may start before its database
		TranslateError:         true,
		// A prepared SELECT * fails after a migration has added a column.
		QueryFields: true,
		NowFunc:     webhook.Now,
		Logger:      logger.Discard, // errors are returned, and callers log them
	})
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	s := &Store{db: db, dialect: dialect, sealer: sealer}
	return s, s.openReplica(dialect.Replica)
}

// Close closes the database's connections.
func (s *Store) Close() error {
	if err := s.dialect.Close(); err != nil {
		return fmt.Errorf("close the store: %w", err)
	}
	return nil
}

// Stats returns the statistics of the connection pool.
func (s *Store) Stats() sql.DBStats { return s.dialect.SQL.Stats() }

// Ping returns an error unless the database answers and accepts writes.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.dialect.Ping(ctx); err != nil {
		return s.translate("ping the database", err)
	}
	s.relearnLayout(ctx)
	return nil
}
