package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lockTimeout is the SQLSTATE code of a statement that timed out on a lock.
const lockTimeout = "55P03"

// migrating sets up the connections of migrations. It overrides the limits of the role and the database. A statement has no time limit, but
// it does not wait long for a lock, because all other statements on the table queue behind it.
const migrating = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '3s'"

// openMigrations opens a pool for migrations.
func openMigrations(config pgx.ConnConfig) *sql.DB {
	return sql.OpenDB(newConnector(config, writer, &liveness{}, func(ctx context.Context, connection *pgx.Conn) error {
		return setUp(ctx, connection, func(pooled bool) error {
			if pooled {
				return errPooledMigrations
			}
			_, err := connection.PgConn().Exec(ctx, migrating).ReadAll()
			return err
		})
	}))
}

// blockersSQL lists the sessions that hold locks on this database's tables.
const blockersSQL = `SELECT DISTINCT a.pid, a.application_name, COALESCE(a.state, ''), left(a.query, 200)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	AND n.nspname = current_schema() AND c.relkind IN ('r', 'p') ORDER BY 1 LIMIT 5`

// blockers describes these sessions. It returns "" if the error is not a lock_timeout.
func blockers(ctx context.Context, db *sql.DB, err error) string {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != lockTimeout {
		return ""
	}
	rows, err := db.QueryContext(ctx, blockersSQL)
	if err != nil {
		return ""
	}
	defer func() { _ = rows.Close() }()
	var found []string
	for rows.Next() {
		var pid int
		var application, state, query string
		if rows.Scan(&pid, &application, &state, &query) == nil {
			found = append(found, fmt.Sprintf("process %d (application %q, %s): %s", pid, application, state, query))
		}
	}
	if rows.Err() != nil {
		return ""
	}
	return strings.Join(found, "; ")
}
