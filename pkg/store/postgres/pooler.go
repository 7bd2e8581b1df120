package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// errPooler refuses a pooler that can lose prepared statements.
	errPooler = errors.New("DATABASE_URL leads to a connection pooler such as PgBouncer: add the parameter default_query_exec_mode=cache_describe " +
		"to it, and run `api-service migrate` with a DATABASE_URL that leads to PostgreSQL itself")

	// errStatementPooling refuses a pooler without transactions.
	errStatementPooling = errors.New("DATABASE_URL leads to a connection pooler that refuses transactions: set its pool_mode to transaction or session")

	// errPooledMigrations refuses to migrate through a pooler.
	errPooledMigrations = errors.New("migrations hold a lock of their session, which a connection pooler such as PgBouncer does not preserve: " +
		"run `api-service migrate` with a DATABASE_URL that leads to PostgreSQL itself")
)

// errInserted marks the errors of a pooler that was put in front of PostgreSQL while this service runs. The service has worked before, and
// will again without the pooler: to its callers, the database is unavailable.
var errInserted = errors.New("a connection pooler has replaced PostgreSQL at the address of DATABASE_URL")

// misconfigured reports whether an error means that the settings of a pooler do not allow this service to work.
func misconfigured(err error) bool {
	if errors.Is(err, errInserted) {
		return false
	}
	return errors.Is(err, errPooler) || errors.Is(err, errStatementPooling) || errors.Is(err, errPooledMigrations)
}

// checkPooler returns an error if the pooler at the other end of a connection needs other settings.
func checkPooler(ctx context.Context, connection *pgx.Conn, mode pgx.QueryExecMode) error {
	if mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeDescribeExec {
		return errPooler
	}
	for _, statement := range []string{"BEGIN", "ROLLBACK"} {
		if _, err := connection.PgConn().Exec(ctx, statement).ReadAll(); err != nil {
			return refusedTransaction(err)
		}
	}
	return nil
}

// protocolViolation is the SQLSTATE code of PgBouncer's own errors.
const protocolViolation = "08P01"

func refusedTransaction(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == protocolViolation {
		return fmt.Errorf("%w: %w", errStatementPooling, err)
	}
	return err
}

// isPooled reports whether a pooler is between this process and PostgreSQL. A pooler gives its clients process IDs of its own, because it may
// run each transaction on another server process. Without a pooler, the process ID of the connection equals pg_backend_pid().
func isPooled(ctx context.Context, connection *pgx.Conn) (bool, error) {
	row, err := oneRow(ctx, connection.PgConn(), "SELECT pg_backend_pid()")
	if err != nil {
		return false, err
	}
	pid, err := strconv.ParseUint(row[0], 10, 32)
	return uint32(pid) != connection.PgConn().PID(), err
}
