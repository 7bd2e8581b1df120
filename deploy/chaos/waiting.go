package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// waiting is what was measured with a great number of deliveries that wait.
type waiting struct {
	result BackInQueue
	parked map[string]bool
}

// BackInQueue is how long it took until all that waits was in the queue again.
type BackInQueue struct {
	Waiting int
	// After is zero if it took too long to be waited for.
	After time.Duration
}

const (
	// parkedFor is how long the deliveries wait: nobody sends them.
	parkedFor     = 6 * time.Hour
	queuePatience = 2 * time.Minute
)

// fillQueue makes as many deliveries wait as the run has, kills Redis under them, and measures how long it takes until all of
// them are in the queue again. They are rows of this harness's making, to be removed again: to have so many wait by publishing
// them, the faults before and after this one would have to do without load.
func (r *run) fillQueue(ctx context.Context, random *rand.Rand) error {
	ids, err := r.park(ctx, r.options.Deliveries)
	if err != nil {
		return err
	}
	if err := r.killRedis(ctx, random); err != nil {
		return err
	}
	r.mutex.Lock()
	back := r.faults[len(r.faults)-1].Over
	r.mutex.Unlock()
	result := BackInQueue{Waiting: len(ids)}
	enqueuer := queue.NewEnqueuer(r.cache)
	err = until(ctx, queuePatience, func() (bool, error) {
		depths, err := enqueuer.Depths(ctx, webhook.QueueDeliveries)
		return int(depths.Scheduled) >= len(ids), err
	})
	switch {
	case err == nil:
		result.After = time.Since(back)
	case errors.Is(err, errPatience):
		r.problem("%d waiting deliveries are not in the queue %s after Redis came back", len(ids), queuePatience)
	default:
		return err
	}
	r.waiting.result = result
	if _, err := r.database.Exec(ctx, "DELETE FROM deliveries WHERE id = ANY($1)", ids); err != nil {
		return fmt.Errorf("remove what waits: %w", err)
	}
	return r.flushRedis(ctx)
}

// park makes copies of a delivery that wait for hours.
func (r *run) park(ctx context.Context, count int) ([]string, error) {
	ids := make([]string, count)
	r.waiting.parked = make(map[string]bool, count)
	now := time.Now()
	for i := range ids {
		ids[i] = webhook.NewID(webhook.KindDelivery, now)
		r.waiting.parked[ids[i]] = true
	}
	_, err := r.database.Exec(ctx, `
		INSERT INTO deliveries
		SELECT (jsonb_populate_record(d, jsonb_build_object('id', parked.id, 'status', 'retrying', 'next_retry_at', $2::timestamptz,
			'retry_count', 0, 'revision', 1, 'failure_reason', '', 'attempt_count', 0, 'last_attempt_id', ''))).*
		FROM deliveries d, unnest($1::text[]) AS parked(id)
		WHERE d.id = (SELECT id FROM deliveries LIMIT 1)`, ids, now.Add(parkedFor))
	if err != nil {
		return nil, fmt.Errorf("make %d deliveries wait: %w", count, err)
	}
	return ids, nil
}
