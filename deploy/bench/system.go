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
	// store is the database, opened by the harness.
	store() *store.Store
	// processes are the processes of the system.
	processes() []watched
	// pause stops the attempts after those in flight have ended, and resume starts them again.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// fill enqueues deliveries while the system is paused.
	fill(ctx context.Context, c *customer, count int) error
	// clear deletes all deliveries, including those in flight. The system runs afterwards, and customers must be made again.
	clear(ctx context.Context) error
	// logs returns the ends of the processes' logs, for debugging.
	logs() string
}

// customer is an organization with a client of its own. Each measurement makes one, so that its lists contain no earlier deliveries.
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
	// settleInterval is the precision of the time at which the last outcome was recorded.
	settleInterval = 5 * time.Millisecond
	settlePatience = 2 * time.Minute
)

// settled waits until no delivery waits for an attempt: every outcome is then recorded.
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
