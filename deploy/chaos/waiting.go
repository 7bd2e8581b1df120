package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// waiting is the measurement with many waiting deliveries.
type waiting struct {
	result BackInQueue
	parked map[string]bool
}

// BackInQueue is the time until dispatchers can claim all waiting deliveries again: their lane is in backlog, and the marker is set.
type BackInQueue struct {
	Waiting int
	// After is zero if the time exceeded the limit.
	After time.Duration
}

const (
	// parkedFor is the delay until the deliveries are due. None is sent meanwhile.
	parkedFor     = 6 * time.Hour
	queuePatience = 2 * time.Minute
)

// fillQueue makes as many waiting deliveries as the run has, kills Redis, and measures the time until their lane is in backlog again. No
// tasks are made, because the deliveries are due much later. The rows are inserted directly and removed afterwards, because publishing them
// would take the load from the other faults.
func (r *run) fillQueue(ctx context.Context, random *rand.Rand) error {
	ids, err := r.park(ctx, r.options.Deliveries)
	if err != nil {
		return err
	}
	if err := r.killRedis(ctx, random); err != nil {
		return err
	}
	faults := r.Faults()
	back := faults[len(faults)-1].Over
	result := BackInQueue{Waiting: len(ids)}
	err = await.Until(ctx, queuePatience, func() (bool, error) { return r.inBacklog(ctx, ids[0]) })
	switch {
	case err == nil:
		result.After = time.Since(back)
	case errors.Is(err, await.ErrPatience):
		r.Problem("the lane of %d waiting deliveries is not in backlog %s after Redis came back", len(ids), queuePatience)
	default:
		return err
	}
	depths, err := queue.NewEnqueuer(r.cache).Depths(ctx, webhook.QueueDeliveries)
	if err != nil {
		return err
	}
	if int(depths.Scheduled) >= len(ids) {
		r.Problem("%d deliveries that are due in %s have a task", depths.Scheduled, parkedFor)
	}
	r.waiting.result = result
	if _, err := r.database.Exec(ctx, "DELETE FROM deliveries WHERE id = ANY($1)", ids); err != nil {
		return fmt.Errorf("remove what waits: %w", err)
	}
	return r.flushRedis(ctx)
}

// inBacklog reports whether a rebuild has ended and the lane of a delivery is in backlog.
func (r *run) inBacklog(ctx context.Context, id string) (bool, error) {
	intact, err := queue.NewEnqueuer(r.cache).Intact(ctx)
	if err != nil || !intact {
		return false, err
	}
	var lane webhook.Lane
	err = r.database.QueryRow(ctx, "SELECT organization_id, endpoint_id, priority FROM deliveries WHERE id = $1", id).
		Scan(&lane.OrganizationID, &lane.EndpointID, &lane.Priority)
	if err != nil {
		return false, fmt.Errorf("read the lane of a delivery: %w", err)
	}
	lanes, err := queue.NewLanes(r.cache).List(ctx)
	_, open := lanes[lane]
	return open, err
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
