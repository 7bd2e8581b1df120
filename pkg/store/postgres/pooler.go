package postgres

import (
	"context"
	"errors"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// errPooler refuses a pooler that prepared statements could get lost in.
var errPooler = errors.New("DATABASE_URL leads to a connection pooler such as PgBouncer: add the parameter default_query_exec_mode=cache_describe to it, " +
	"and run `api-service migrate` with a DATABASE_URL that leads to PostgreSQL itself")

// errPooledMigrations refuses to migrate through a pooler.
var errPooledMigrations = errors.New("migrations hold a lock of their session, which a connection pooler such as PgBouncer does not preserve: " +
	"run `api-service migrate` with a DATABASE_URL that leads to PostgreSQL itself")

// isPooled reports whether a pooler is between this process and PostgreSQL. A pooler gives its clients a process ID of its own, for it
// may serve each transaction by another process.
func isPooled(ctx context.Context, connection *pgx.Conn) (bool, error) {
	results, err := connection.PgConn().Exec(ctx, "SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return false, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return false, errors.New("pg_backend_pid returned no row")
	}
	pid, err := strconv.ParseUint(string(results[0].Rows[0][0]), 10, 32)
	return uint32(pid) != connection.PgConn().PID(), err
}
