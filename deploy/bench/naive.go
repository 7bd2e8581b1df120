package bench

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/webhook"
)

// naive is the simplest implementation of a worker: for each task a SELECT, a request, an UPDATE and its commit. It uses our tables, the
// same library and as many connections as our dispatcher, and records no attempt.
type naive struct {
	store  *store.Store
	poster *poster
}

func newNaive(j job, p *poster) (*naive, error) {
	sealer, err := keyring.Parse(j.SecretsKey)
	if err != nil {
		return nil, fmt.Errorf("read the key for secrets: %w", err)
	}
	opened, err := postgres.Open(postgres.Options{URL: j.Database, ApplicationName: rowNaive}, sealer)
	if err != nil {
		return nil, err
	}
	return &naive{store: opened, poster: p}, nil
}

func (n *naive) close() error { return n.store.Close() }

func (n *naive) handle(ctx context.Context, id string) error {
	dispatch, err := n.store.LoadDispatch(ctx, id)
	if err != nil {
		return err
	}
	if err := n.poster.post(ctx, id, dispatch.Event.Data); err != nil {
		return err
	}
	// This is the only status that a single UPDATE can write. The value does not affect the measurement.
	ended, err := dispatch.Delivery.Failed(webhook.FailureEndpointDisabled, webhook.Now())
	if err != nil {
		return fmt.Errorf("end a delivery: %w", err)
	}
	_, err = n.store.FailDelivery(ctx, ended)
	return err
}

// roundNaive measures a worker that loads and updates one row at a time.
func roundNaive(ctx context.Context, s *session) error {
	running, err := s.system(ctx)
	if err != nil {
		return err
	}
	s.progress.say("%s: preparing %d deliveries", rowNaive, s.amounts.naive)
	c, err := s.paused(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := running.fill(ctx, c, s.amounts.naive); err != nil {
		return err
	}
	d := running.(*services).database
	rows, err := d.pool.Query(ctx, "SELECT id FROM deliveries WHERE status = 'pending'")
	if err != nil {
		return fmt.Errorf("list what the naive worker is to do: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list what the naive worker is to do: %w", err)
	}
	s.progress.say("%s: %d deliveries", rowNaive, len(ids))
	done, err := s.work(ctx, job{Servers: dispatcherServers, Post: true, Database: d.url, SecretsKey: d.secretsKey}, ids)
	if err != nil {
		return fmt.Errorf("%s: %w", rowNaive, err)
	}
	if err := settled(ctx, d.store); err != nil {
		return err
	}
	done.note(&s.samples, rowNaive)
	return running.clear(ctx)
}
