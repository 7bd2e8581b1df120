// Package postgres opens a store in PostgreSQL, where it belongs in production.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/driver/postgres"

	"redrive/pkg/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options are how to reach the database.
type Options struct {
	// URL is postgres://user:password@host:port/database?options, as libpq knows it.
	URL string
	// ApplicationName is what pg_stat_activity shows.
	ApplicationName string
	// MaxConnections bounds the pool. Defaults to 20: more connections than a database's cores and disks can serve only
	// queue there instead of here.
	MaxConnections int
	// Tracer is shown every statement, if there is one.
	Tracer pgx.QueryTracer
}

const (
	defaultMaxConnections = 20
	connectTimeout        = 5 * time.Second
	// connectionLifetime lets a pool follow a failover or a changed address of a load balancer.
	connectionLifetime = 30 * time.Minute
)

// Open makes a store of a PostgreSQL database. It does not connect: the first statement does.
func Open(options Options, sealer store.Sealer) (*store.Store, error) {
	config, err := pgx.ParseConfig(options.URL)
	if err != nil {
		// pgx redacts the password, but not one that it could not tell from the rest.
		return nil, errors.New("DATABASE_URL is not a valid postgres:// URL")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	config.Tracer = options.Tracer
	config.RuntimeParams["timezone"] = "UTC"
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = options.ApplicationName
	}
	// Those that start together look every second, for up to 5 minutes, whether the migrations are another's no longer.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("make the migrations' lock: %w", err)
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}

	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(preferIndexes))
	connections := options.MaxConnections
	if connections == 0 {
		connections = defaultMaxConnections
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLifetime)

	opened, err := store.New(store.Dialect{
		Dialector:   postgres.New(postgres.Config{Conn: db}),
		SQL:         db,
		Goose:       goose.DialectPostgres,
		Migrations:  folder,
		Locker:      locker,
		Arrays:      true,
		RowLocks:    true,
		Ping:        func(ctx context.Context) error { return ping(ctx, db) },
		Unavailable: unavailable,
	}, sealer)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return opened, nil
}

// planning is how every connection has its statements planned: by index, one row after the other. A prepared statement's plan is
// kept, and one that was made while a table was nearly empty reads and hashes all of it, again and again while it grows, until
// statistics come a minute later: recording an outcome then takes three times as long. Every statement here finds few rows by an
// index (plan_test.go), so there is nothing that another plan would be better for.
const planning = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"

// preferIndexes is a statement and no parameter of the connection, since pools such as PgBouncer refuse those that they do not know.
func preferIndexes(ctx context.Context, connection *pgx.Conn) error {
	if _, err := connection.PgConn().Exec(ctx, planning).ReadAll(); err != nil {
		return fmt.Errorf("set up a connection: %w", err)
	}
	return nil
}

// errReadOnly is a server that answers and is of no use: a standby, or one that was set to read-only.
var errReadOnly = errors.New("the database is read-only")

func ping(ctx context.Context, db *sql.DB) error {
	var readOnly string
	err := db.QueryRowContext(ctx, "SHOW transaction_read_only").Scan(&readOnly)
	if err == nil && readOnly != "off" {
		err = errReadOnly
	}
	return err
}

// readOnly is the SQLSTATE code of a write to a standby.
const readOnly = "25006"

// unavailableClasses are beginnings of SQLSTATE codes (https://www.postgresql.org/docs/current/errcodes-appendix.html):
// connection exceptions, transactions that were rolled back for another's sake (a deadlock), insufficient resources, operator
// intervention and system errors.
var unavailableClasses = []string{"08", "40", "53", "57", "58"}

// unavailable knows the errors of a PostgreSQL that is away, starting, stopping, full or read-only after a failover.
func unavailable(err error) bool {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code == readOnly || slices.ContainsFunc(unavailableClasses, func(class string) bool {
			return strings.HasPrefix(refused.Code, class)
		})
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errReadOnly) || pgconn.SafeToRetry(err)
}
