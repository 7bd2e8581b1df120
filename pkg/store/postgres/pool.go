package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	defaultMaxConnections = 20
	// connectionLifetime bounds how long a pool uses connections to an old server after a failover or a change of an address.
	connectionLifetime = 30 * time.Minute
	// connectionIdleTime is shorter than the idle timeouts of firewalls and load balancers: 350 s on AWS, 240 s on Azure.
	connectionIdleTime = 2 * time.Minute
)

// newPool makes a pool with the given number of connections at most. 0 means the default.
func newPool(config pgx.ConnConfig, connections int) *sql.DB {
	return poolOf(config, writer, connections)
}

// poolOf makes a pool of connections to the server that has the role. A single server needs no role: callers get the errors of its answers.
func poolOf(config pgx.ConnConfig, required role, connections int) *sql.DB {
	if connections == 0 {
		connections = defaultMaxConnections
	}
	alive := &liveness{}
	var served atomic.Bool // a connection was set up
	db := sql.OpenDB(newBounded(newConnector(config, required, alive, func(ctx context.Context, connection *pgx.Conn) error {
		err := prepare(ctx, connection, config.DefaultQueryExecMode)
		switch {
		case err == nil:
			served.Store(true)
		case served.Load() && misconfigured(err):
			err = fmt.Errorf("%w: %w", errInserted, err)
		}
		return err
	})))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLifetime)
	db.SetConnMaxIdleTime(connectionIdleTime)
	return db
}

// newConnector makes a connector to the servers of a configuration.
func newConnector(config pgx.ConnConfig, required role, alive *liveness, setUp func(context.Context, *pgx.Conn) error) driver.Connector {
	permitsAny := config.ValidateConnect == nil
	config.ValidateConnect = nil // the role is checked in its place
	config.DialFunc = dial
	dropMoved(&config.Config, alive)
	begin := func(ctx context.Context, connection *pgx.Conn) error {
		alive.connected(connection.PgConn())
		return setUp(ctx, connection)
	}
	options := []stdlib.OptionOpenDB{
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }), // liveness does
		stdlib.OptionResetSession(func(ctx context.Context, connection *pgx.Conn) error { return alive.check(ctx, connection.PgConn()) }),
	}
	hosts := splitHosts(config)
	if permitsAny && len(hosts) == 1 && required == writer {
		return stdlib.GetConnector(config, append(options, settingUp(config, begin))...)
	}
	alive.role = required
	return newSwitching(hosts, required, begin, options...)
}

// settingUp has every new connection set up by a function, which may take as long again as the connection. The driver's own timeout ends when
// the server has accepted the connection. Without this one, a pool that opens connections in the background would wait for ever for a server
// that does not answer.
func settingUp(config pgx.ConnConfig, setUp func(context.Context, *pgx.Conn) error) stdlib.OptionOpenDB {
	limit := cmp.Or(config.ConnectTimeout, connectTimeout)
	return stdlib.OptionAfterConnect(func(ctx context.Context, connection *pgx.Conn) error {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return setUp(limited, connection)
	})
}

// planning makes every connection plan its statements with index scans and nested loops. The plan of a prepared statement is kept. A plan that
// was made while a table was nearly empty would scan and hash the growing table until statistics are collected, about a minute later.
// Recording an outcome then takes three times as long. Every statement of the store finds few rows by an index (plan_test.go), so that no
// other plan is better. Without jit = off, the cost of a plan that has no alternative to a scan, as at the start of a process, would make
// PostgreSQL compile it, which takes 0.3 s of a processor.
//
// A statement also has no parallel workers: they take longer to start than the statement takes.
const planning = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; " +
	"SET max_parallel_workers_per_gather = 0"

// customPlan returns the argument of a query that has PostgreSQL plan it for its parameters: a mode without a prepared statement. Of the
// modes of DATABASE_URL, only the default one has prepared statements whose plan is kept.
func customPlan(mode pgx.QueryExecMode) any {
	if mode == pgx.QueryExecModeCacheStatement {
		return pgx.QueryExecModeCacheDescribe
	}
	return nil
}

// prepare sets up a new connection. It changes no settings behind a pooler, because other clients would get them.
func prepare(ctx context.Context, connection *pgx.Conn, mode pgx.QueryExecMode) error {
	return setUp(ctx, connection, func(pooled bool) error {
		if pooled {
			return checkPooler(ctx, connection, mode)
		}
		_, err := connection.PgConn().Exec(ctx, planning).ReadAll()
		return err
	})
}

// setUp sets up a new connection. It closes the connection after an error, because the driver does not.
func setUp(ctx context.Context, connection *pgx.Conn, with func(pooled bool) error) error {
	pooled, err := isPooled(ctx, connection)
	if err == nil {
		err = with(pooled)
	}
	if err != nil {
		return failSetUp(ctx, connection, err)
	}
	return nil
}

// failSetUp closes a connection whose setup failed, and returns the error.
func failSetUp(ctx context.Context, connection *pgx.Conn, err error) error {
	return errors.Join(fmt.Errorf("%w: %w", errSetup, err), connection.Close(ctx))
}
