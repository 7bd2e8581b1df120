// Package postgres opens a store in PostgreSQL, where it belongs in production.
package postgres

import (
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

const connectTimeout = 5 * time.Second

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

	db := newPool(*config, options.MaxConnections)

	opened, err := store.New(store.Dialect{
		Dialector:      postgres.New(postgres.Config{Conn: db}),
		SQL:            db,
		Goose:          goose.DialectPostgres,
		Migrations:     folder,
		Locker:         locker,
		Postgres:       true,
		RowLocks:       true,
		Ping:           func(ctx context.Context) error { return ping(ctx, db) },
		Unavailable:    unavailable,
		Full:           full,
		OpenMigrations: func(context.Context) (*sql.DB, error) { return openMigrations(*config), nil },
		Blockers:       blockers,
		// A copy of a database that was made with the server's files has the same name: nothing tells the two apart.
		Installation: "SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || current_database() || '/' || current_schema()",
	}, sealer)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return opened, nil
}

func ping(ctx context.Context, db *sql.DB) error {
	var readOnly string
	err := db.QueryRowContext(ctx, "SHOW transaction_read_only").Scan(&readOnly)
	if err == nil && readOnly != "off" {
		err = errReadOnly
	}
	return err
}
