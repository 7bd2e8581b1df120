package bench

import (
	"context"
	"fmt"
	"time"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// system is a running Redrive.
type system interface {
	// url is the base URL of the API.
	url() string
	// store is the database, looked at from outside.
	store() *store.Store
	// processes are those that work for it.
	processes() []watched
	// pause lets no more attempts be made, in good order, and resume has them made again.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// fill queues deliveries while it is paused.
	fill(ctx context.Context, c *customer, count int) error
	// clear forgets all deliveries, whether they are being made or not. It ends running, and customers have to be made anew.
	clear(ctx context.Context) error
	// logs are the ends of the processes' logs, for whoever looks for what went wrong.
	logs() string
}

// customer is an organization with a client of its own. Each measurement makes one, so that nothing of the one before is in
// its lists.
type customer struct {
	*client
	organization string
}

func newCustomer(ctx context.Context, url string, s *store.Store, connections int) (*customer, error) {
	now := webhook.Now()
	organization := "bench_" + webhook.NewID(webhook.KindRequest, now)
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "bench", Scope: webhook.ScopeReadWrite}, now)
	if err := s.CreateAPIKey(ctx, key); err != nil {
		return nil, fmt.Errorf("make an API key: %w", err)
	}
	return &customer{organization: organization, client: newClient(url, raw.Reveal(), connections)}, nil
}

const (
	// settleInterval is how exactly it is known when the last outcome was on record.
	settleInterval = 5 * time.Millisecond
	settlePatience = 2 * time.Minute
)

// settled waits until no delivery waits for an attempt any more: every outcome is on record.
func settled(ctx context.Context, s *store.Store) error {
	ticker := time.NewTicker(settleInterval)
	defer ticker.Stop()
	late := time.After(settlePatience)
	for {
		due, err := s.ListDue(ctx, time.Now().AddDate(1, 0, 0), store.Due{}, 1)
		if err != nil {
			return fmt.Errorf("ask for what is not on record: %w", err)
		}
		if len(due) == 0 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-late:
			return fmt.Errorf("delivery %s is still %s after %s", due[0].ID, due[0].Status, settlePatience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
