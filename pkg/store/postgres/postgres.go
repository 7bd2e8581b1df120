// Package postgres opens a store in PostgreSQL, which is the database for production.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"gorm.io/driver/postgres"

	"redrive/pkg/store"
	"redrive/pkg/store/postgres/months"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure the connections to the database.
type Options struct {
	// URL is postgres://user:password@host:port/database?options, as libpq defines it. Of several hosts, the one that accepts writes is used.
	URL string
	// ReplicaURL is that of one or more streaming standbys, which may answer lists, searches and statistics. Optional.
	ReplicaURL string
	// ApplicationName is the name in pg_stat_activity.
	ApplicationName string
	// MaxConnections bounds the pool, and that of the replica. Defaults to 20. More connections than the database's cores and disks can serve would only queue in
	// the database.
	MaxConnections int
	// StatementTimeout bounds each statement of a batch of events. Defaults to 5 s.
	StatementTimeout time.Duration
	// Tracer receives every statement. Optional.
	Tracer pgx.QueryTracer

	permits func(context.Context) bool // for tests
}

const (
	connectTimeout          = 5 * time.Second
	defaultStatementTimeout = 5 * time.Second
	maintenanceConnections  = 2
)

// Open makes a store of a PostgreSQL database. The first statement connects to it.
func Open(options Options, sealer store.Sealer) (*store.Store, error) {
	config, err := parseURL("DATABASE_URL", options.URL, "read-write", "primary")
	if err != nil {
		return nil, err
	}
	options.apply(config)
	// Processes that start together try every second, for up to 5 minutes, to get the lock for migrations.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err != nil {
		return nil, fmt.Errorf("make the migrations' lock: %w", err)
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find the migrations: %w", err)
	}

	db := newPool(*config, options.MaxConnections)
	pools := pools{primary: db, maintenance: poolOf(*config, writer, maintenanceConnections), permits: options.permits}
	if options.ReplicaURL != "" {
		if pools.replica, err = openReplica(options, db); err != nil {
			return nil, errors.Join(err, pools.close())
		}
	}

	opened, err := store.New(store.Dialect{
		Dialector:  postgres.New(postgres.Config{Conn: db}),
		SQL:        db,
		Close:      pools.close,
		Replica:    pools.forStore(),
		Goose:      goose.DialectPostgres,
		Migrations: folder,
		Locker:     locker,
		Postgres:   true,
		RowLocks:   true,

		StatementTimeout: cmp.Or(options.StatementTimeout, defaultStatementTimeout),

		Ping:           func(ctx context.Context) error { return ping(ctx, db) },
		Unavailable:    unavailable,
		Full:           full,
		Explain:        explain,
		OpenMigrations: func(context.Context) (*sql.DB, error) { return openMigrations(*config), nil },
		Blockers:       blockers,
		Partitions:     months.New(pools.maintenance, pools.primary),
		Vanished:       months.Vanished,
		CustomPlan:     customPlan(config.DefaultQueryExecMode),
		// A copy of a database that was made from the server's files has the same name.
		Installation: "SELECT " + systemSQL + " || '/' || current_database() || '/' || current_schema()",
	}, sealer)
	if err != nil {
		return nil, errors.Join(err, pools.close())
	}
	return opened, nil
}

// apply adds the options to the configuration of a pool.
func (o Options) apply(config *pgx.ConnConfig) {
	config.Tracer = o.Tracer
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = o.ApplicationName
	}
}

// pools are the connections of a store. The replica is nil if there is none.
type pools struct {
	primary *sql.DB
	// maintenance is for changes of partitions, which hold one connection while they work on another.
	maintenance *sql.DB
	replica     *standbyPool
	permits     func(context.Context) bool
}

func (p pools) forStore() *store.Replica {
	if p.replica == nil {
		return nil
	}
	return &store.Replica{
		Dialector: postgres.New(postgres.Config{Conn: p.replica.standby}),
		Permits:   p.permits, Staleness: p.replica.staleness, Failed: p.replica.failed,
	}
}

// close ends the measurements before the pool that they use.
func (p pools) close() error {
	var failed error
	if p.replica != nil {
		failed = p.replica.close()
	}
	return errors.Join(failed, p.maintenance.Close(), p.primary.Close())
}

// ping returns an error unless the server accepts writes.
func ping(ctx context.Context, db *sql.DB) error {
	var answer string
	if err := db.QueryRowContext(ctx, writer.query).Scan(&answer); err != nil {
		return err
	}
	return writer.verdict(answer)
}
