package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	defaultMaxConnections = 20
	// connectionLifetime lets a pool follow a failover or a changed address of a load balancer.
	connectionLifetime = 30 * time.Minute
	// connectionIdleTime closes connections before firewalls and load balancers forget them: AWS does after 350 s, Azure after 240 s.
	connectionIdleTime = 2 * time.Minute
)

// newPool makes a pool of up to so many connections, 0 for the default.
func newPool(config pgx.ConnConfig, connections int) *sql.DB {
	if connections == 0 {
		connections = defaultMaxConnections
	}
	alive := &liveness{}
	config.DialFunc = dial
	db := stdlib.OpenDB(config,
		stdlib.OptionAfterConnect(func(ctx context.Context, connection *pgx.Conn) error {
			alive.connected(connection.PgConn())
			return prepare(ctx, connection, config.DefaultQueryExecMode)
		}),
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }), // liveness does
		stdlib.OptionResetSession(func(ctx context.Context, connection *pgx.Conn) error { return alive.check(ctx, connection.PgConn()) }),
	)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLifetime)
	db.SetConnMaxIdleTime(connectionIdleTime)
	return db
}

// planning is how every connection has its statements planned: by index, one row after the other. A prepared statement's plan is
// kept, and one that was made while a table was nearly empty reads and hashes all of it, again and again while it grows, until
// statistics come a minute later: recording an outcome then takes three times as long. Every statement here finds few rows by an
// index (plan_test.go), so there is nothing that another plan would be better for.
const planning = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"

// prepare sets a new connection up, unless it leads to a pooler, where a setting would reach other clients.
func prepare(ctx context.Context, connection *pgx.Conn, mode pgx.QueryExecMode) error {
	return setUp(ctx, connection, func(pooled bool) error {
		if pooled {
			return checkPooler(ctx, connection, mode)
		}
		_, err := connection.PgConn().Exec(ctx, planning).ReadAll()
		return err
	})
}

// setUp has a new connection set up, and closes it if that fails, because the driver does not.
func setUp(ctx context.Context, connection *pgx.Conn, with func(pooled bool) error) error {
	pooled, err := isPooled(ctx, connection)
	if err == nil {
		err = with(pooled)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errSetup, err), connection.Close(ctx))
	}
	return nil
}
