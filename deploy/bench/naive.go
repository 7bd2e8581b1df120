package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// The table that the naive worker loads from: what it sends is in the row.
const (
	naiveTable = `CREATE TABLE naive (id text COLLATE "C" PRIMARY KEY, body bytea NOT NULL, status text NOT NULL, updated_at timestamptz NOT NULL)
WITH (fillfactor = 85)`
	naiveRows   = `INSERT INTO naive SELECT id, decode(repeat('30', 1024), 'hex'), 'pending', now() FROM unnest($1::text[]) AS id`
	naiveSelect = `SELECT body FROM naive WHERE id = $1 AND status = 'pending'`
	naiveUpdate = `UPDATE naive SET status = 'success', updated_at = now() WHERE id = $1 AND status = 'pending'`
	// naiveConnections is what our dispatcher opens at most by default.
	naiveConnections = 20
)

// naive does for each task what one would write first: a SELECT, a request, an UPDATE and its commit.
type naive struct {
	pool   *pgxpool.Pool
	poster *poster
}

func newNaive(ctx context.Context, j job, p *poster) (*naive, error) {
	config, err := pgxpool.ParseConfig(j.Database)
	if err != nil {
		return nil, fmt.Errorf("read the address of the database: %w", err)
	}
	config.MaxConns = naiveConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return &naive{pool: pool, poster: p}, nil
}

func (n *naive) close() { n.pool.Close() }

func (n *naive) handle(ctx context.Context, id string) error {
	var body []byte
	if err := n.pool.QueryRow(ctx, naiveSelect, id).Scan(&body); err != nil {
		return fmt.Errorf("load a row: %w", err)
	}
	if err := n.poster.post(ctx, id, body); err != nil {
		return err
	}
	if _, err := n.pool.Exec(ctx, naiveUpdate, id); err != nil {
		return fmt.Errorf("update a row: %w", err)
	}
	return nil
}

// roundNaive measures a worker that loads and updates one row at a time.
func roundNaive(ctx context.Context, s *session) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	d := running.(*services).database
	ids := newTaskIDs(s.amounts.naive)
	if err := d.exec(ctx, "DROP TABLE IF EXISTS naive", naiveTable); err != nil {
		return err
	}
	if _, err := d.pool.Exec(ctx, naiveRows, ids); err != nil {
		return fmt.Errorf("fill the table of the naive worker: %w", err)
	}
	if err := d.exec(ctx, "VACUUM ANALYZE naive"); err != nil {
		return err
	}
	s.progress.say("%s: %d tasks", rowNaive, len(ids))
	done, err := s.work(ctx, job{Servers: dispatcherServers, Post: true, Database: d.url}, ids)
	if err != nil {
		return fmt.Errorf("%s: %w", rowNaive, err)
	}
	done.note(&s.samples, rowNaive)
	return d.exec(ctx, "DROP TABLE naive")
}
