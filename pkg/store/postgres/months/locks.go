package months

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
)

// advisoryLock is the key of the advisory lock of everything that changes partitions.
const advisoryLock = "redrive partitions by month"

// unlimited removes the limits of the role and the database from a transaction.
const unlimited = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"

// exclusive calls work while no other process changes partitions. It returns store.ErrPartitionsBusy if one does. The lock belongs to a transaction that
// is otherwise idle, so that it works through a pooler and ends with the connection.
func exclusive(ctx context.Context, db *sql.DB, work func() error) error {
	return inTransaction(ctx, db, func(tx *sql.Tx) error {
		var locked bool
		err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || current_schema(), 0))", advisoryLock).Scan(&locked)
		if err == nil && !locked {
			err = store.ErrPartitionsBusy
		}
		if err != nil {
			return err
		}
		return work()
	})
}

// A lock that blocks all other statements of a table is requested for a short time. Statements that queued behind it run in the pause. The
// last requests are longer than deadlock_timeout (1 s), after which PostgreSQL cancels an autovacuum that holds the lock.
var (
	lockTimes = slices.Concat(slices.Repeat([]time.Duration{100 * time.Millisecond}, 20), slices.Repeat([]time.Duration{300 * time.Millisecond}, 20),
		slices.Repeat([]time.Duration{1500 * time.Millisecond}, 5))
	lockPause = 500 * time.Millisecond
)

// short calls work in a transaction that waits for locks for a fraction of a second, and begins again if it gets one of them too late. work
// may therefore be called several times.
func short(ctx context.Context, db *sql.DB, work func(tx *sql.Tx) error) error {
	var err error
	for _, length := range lockTimes {
		err = inTransaction(ctx, db, func(tx *sql.Tx) error {
			if err := run(ctx, tx, fmt.Sprintf("SET LOCAL lock_timeout = %d", length.Milliseconds())); err != nil {
				return err
			}
			return work(tx)
		})
		if !isCode(err, lockTimeout, deadlock) {
			return err
		}
		if slept := lifecycle.Sleep(ctx, lockPause); slept != nil {
			return errors.Join(err, slept)
		}
	}
	return fmt.Errorf("other sessions hold the tables; end them, or try again later: %w", err)
}

// The SQLSTATE codes of PostgreSQL's errors.
const (
	lockTimeout = "55P03"
	deadlock    = "40P01"
	outOfRange  = "23514" // check_violation

	undefinedTable = "42P01"
)

func isCode(err error, codes ...string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && slices.Contains(codes, refused.Code)
}

// inTransaction calls work in a transaction without time limits and commits it unless work fails.
func inTransaction(ctx context.Context, db *sql.DB, work func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing to do after Commit
	if err := run(ctx, tx, unlimited); err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// run executes statements one after the other.
func run(ctx context.Context, tx *sql.Tx, statements ...string) error {
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, simple); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// The modes of statements that are not prepared. The plans of prepared statements would outlive the tables.
const (
	simple    = pgx.QueryExecModeSimpleProtocol
	described = pgx.QueryExecModeExec
)
