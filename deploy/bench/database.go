package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
)

// database is a PostgreSQL database with Redrive's tables.
type database struct {
	url        string
	secretsKey string
	store      *store.Store
	pool       *pgxpool.Pool
}

// poolConnections is the largest number of connections that a row uses at the same time, and one more for observation.
const poolConnections = publishConnections + 1

func openDatabase(ctx context.Context, url string) (_ *database, err error) {
	d := &database{url: url}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.secretsKey, err = keyring.Generate(); err != nil {
		return nil, fmt.Errorf("make a key for secrets: %w", err)
	}
	sealer, err := keyring.Parse(d.secretsKey)
	if err != nil {
		return nil, fmt.Errorf("make a key for secrets: %w", err)
	}
	if d.store, err = postgres.Open(postgres.Options{URL: url, ApplicationName: "bench"}, sealer); err != nil {
		return nil, err
	}
	if _, err = d.store.Migrate(ctx); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	config.MaxConns = poolConnections
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return d, nil
}

func (d *database) close() error {
	if d.pool != nil {
		d.pool.Close()
	}
	if d.store != nil {
		return d.store.Close()
	}
	return nil
}

// exec runs statements one after the other.
func (d *database) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := d.pool.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}
