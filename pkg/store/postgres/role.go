package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// role is what a pool requires of its server. The zero role requires nothing.
type role struct {
	query, want string
	refused     error
}

var (
	// errReadOnly means that the server answers but does not accept writes. It is a standby or was set to read-only.
	errReadOnly = errors.New("the database is read-only")
	// errNotStandby means that the server of DATABASE_REPLICA_URL is a primary.
	errNotStandby = errors.New("the server is not a standby")

	writer  = role{"SHOW transaction_read_only", "off", errReadOnly}
	standby = role{"SELECT pg_is_in_recovery()", "t", errNotStandby}
)

// verdict returns an error unless the answer of the query is the one that the role requires.
func (r role) verdict(answer string) error {
	if answer != r.want {
		return r.refused
	}
	return nil
}

// check returns an error unless the server has the role. For the zero role, it is a ping.
func (r role) check(ctx context.Context, connection *pgconn.PgConn) error {
	if r.query == "" {
		return connection.Ping(ctx)
	}
	row, err := oneRow(ctx, connection, r.query)
	if err != nil {
		return err
	}
	return r.verdict(row[0])
}

// oneRow returns the texts of a statement's only row. It needs no prepared statement, so that it works through every pooler.
func oneRow(ctx context.Context, connection *pgconn.PgConn, statement string) ([]string, error) {
	results, err := connection.Exec(ctx, statement).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return nil, fmt.Errorf("%s did not return one row", statement)
	}
	row := make([]string, len(results[0].Rows[0]))
	for i, value := range results[0].Rows[0] {
		row[i] = string(value)
	}
	return row, nil
}

// moved reports whether an error of the server means that it is no longer the primary, or that it stops. All connections to it are then of no
// use.
func moved(refused *pgconn.PgError) bool {
	switch refused.Code {
	case "25006", // a write to a standby
		"57P01", "57P02", // shutdown, crash of another server process
		"57P03": // start
		return true
	}
	return false
}

// dropMoved makes connections report a server that is no longer the primary. The driver closes the connection, and liveness drops the others.
// The refusal of a new connection says nothing about them: they may be to another server.
func dropMoved(config *pgconn.Config, alive *liveness) {
	standard := config.OnPgError
	config.OnPgError = func(connection *pgconn.PgConn, refused *pgconn.PgError) bool {
		_, connected := connection.CustomData()[lastUsed]
		if connected && moved(refused) {
			alive.died(time.Now())
			return false
		}
		return standard(connection, refused)
	}
}
