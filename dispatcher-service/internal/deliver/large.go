package deliver

import (
	"context"
	"math/rand/v2"
	"time"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/pkg/webhook"
)

const (
	// longestMemoryWait is how long a worker waits for memory. It is long enough for the largest body to get its turn in a small budget.
	longestMemoryWait = 5 * time.Second
	// memorySnooze is how long a delivery without memory is snoozed at least, and half of what it is snoozed at most.
	memorySnooze = time.Second
)

// attemptLarge is attempt for a delivery whose body was not loaded with it. The deliveries of an event share one copy, and its memory is
// released once the last of their attempts is on record. While the delivery waits for memory it holds no slot of its endpoint and no
// connection.
func (d *Deliverer) attemptLarge(ctx context.Context, dispatch webhook.Dispatch, permit *bulkhead.Permit, queue string) (Verdict, error) {
	shared := d.bodies.join(dispatch)
	defer d.bodies.leave(shared, dispatch.Event.ID)
	if !shared.hasMemory() {
		permit.Release()
		d.bodies.refused.note(dispatch.Event.OrganizationID, time.Now())
		if !d.bodies.wait(ctx, shared, d.outage.draining) {
			pause := memorySnooze + rand.N(memorySnooze)
			d.options.Progress.Resume(dispatch.Delivery.ID)
			return rest(time.Now().Add(pause), "its body has to wait for memory"), nil
		}
		var deferral bulkhead.Deferral
		if permit, deferral = d.options.Gate.Acquire(ctx, requestOf(dispatch, queue)); permit == nil {
			d.options.Progress.Resume(dispatch.Delivery.ID)
			return Snooze(deferral.Until, deferral.Reason), nil
		}
		defer permit.Release()
	}
	var err error
	if dispatch.Body, err = d.bodies.read(ctx, shared, dispatch.Event); err != nil {
		d.outage.observe(ctx, err)
		d.options.Progress.Resume(dispatch.Delivery.ID)
		return Verdict{}, err
	}
	return d.attempt(ctx, dispatch, permit)
}

func (b *body) hasMemory() bool {
	select {
	case <-b.reserved:
		return true
	default:
		return false
	}
}

// wait reports whether the body has its memory within longestMemoryWait. It returns at once if too many workers wait, and once ctx or
// the process ends.
func (b *bodies) wait(ctx context.Context, shared *body, draining <-chan struct{}) bool {
	select {
	case b.waiting <- struct{}{}:
		defer func() { <-b.waiting }()
	default:
		return false
	}
	timer := time.NewTimer(longestMemoryWait)
	defer timer.Stop()
	select {
	case <-shared.reserved:
		return true
	case <-ctx.Done():
	case <-draining:
	case <-timer.C:
	}
	return false
}
