package bench

import (
	"context"
	"fmt"
	"time"
)

// noneWaiting waits until no delivery of the endpoint waits for an attempt: every outcome is then recorded.
func noneWaiting(ctx context.Context, d *database, endpoint string, patience time.Duration) error {
	const waiting = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE endpoint_id = $1 AND status IN ('pending', 'retrying'))"
	return until(ctx, "deliveries of the endpoint wait", patience, func(ctx context.Context) (ended bool, err error) {
		var some bool
		err = d.pool.QueryRow(ctx, waiting, endpoint).Scan(&some)
		return !some, err
	})
}

// endInterval is the precision with which the end of an operation is measured.
const endInterval = 20 * time.Millisecond

// until polls until the condition is true. The text names the condition in the error.
func until(ctx context.Context, still string, patience time.Duration, look func(context.Context) (ended bool, err error)) error {
	ticker := time.NewTicker(endInterval)
	defer ticker.Stop()
	late := time.After(patience)
	for {
		ended, err := look(ctx)
		if err != nil {
			return fmt.Errorf("see whether %s: %w", still, err)
		}
		if ended {
			return nil
		}
		select {
		case <-ticker.C:
		case <-late:
			return fmt.Errorf("%s after %s still", still, patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
