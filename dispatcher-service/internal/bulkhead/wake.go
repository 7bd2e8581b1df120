package bulkhead

import (
	"context"
	"time"

	"redrive/pkg/queue"
)

// Waker makes sleeping tasks pending. queue.Enqueuer implements it.
type Waker interface {
	// Wake returns one result per task, in the order of ids. An error means that Redis is unavailable and the results are unknown.
	Wake(ctx context.Context, queue string, ids []string) ([]queue.WakeResult, error)
}

const (
	// maxWakeTries is how often the wake of one task is repeated because a worker has the task. A worker that still has it after that is
	// attempting the delivery in another replica, and is not about to snooze it.
	maxWakeTries = 5
	// wakeBatch bounds how many tasks one call wakes: Redis serves no other client meanwhile.
	wakeBatch = 200
	// wakePause is how long no task is woken after a call to Redis has failed.
	wakePause = time.Second
	// wakeTimeout bounds one call to Redis.
	wakeTimeout = 2 * time.Second
)

// requestWake asks the goroutine of run to wake the task of a reservation.
func (b *Bulkheads) requestWake(h *held) {
	b.wakeRequests = append(b.wakeRequests, h)
	select {
	case b.wakeSignal <- struct{}{}:
	default: // run is signalled already
	}
}

// takeWakeRequests returns the requests whose reservations still exist, by queue.
func (b *Bulkheads) takeWakeRequests() map[string][]*held {
	b.mutex.Lock()
	defer b.unlock()
	if len(b.wakeRequests) == 0 {
		return nil
	}
	byQueue := map[string][]*held{}
	for _, h := range b.wakeRequests {
		if h.reserved { // otherwise the task has run by itself, or the reservation was cancelled
			byQueue[h.queue] = append(byQueue[h.queue], h)
		}
	}
	b.wakeRequests = nil
	return byQueue
}

// wakeAll wakes the tasks of all wakeRequests, in batches of wakeBatch.
func (b *Bulkheads) wakeAll(ctx context.Context) {
	for name, reservations := range b.takeWakeRequests() {
		for len(reservations) > 0 && ctx.Err() == nil {
			size := min(len(reservations), wakeBatch)
			b.wake(ctx, name, reservations[:size])
			reservations = reservations[size:]
		}
	}
}

func (b *Bulkheads) wake(ctx context.Context, name string, reservations []*held) {
	ids := make([]string, len(reservations))
	for i, h := range reservations {
		ids[i] = h.id
	}
	bounded, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	results, err := b.options.Waker.Wake(bounded, name, ids)
	if err != nil && ctx.Err() == nil {
		b.options.RedisLog.WarnContext(ctx, "held deliveries not woken", "deliveries", len(ids), "error", err)
	}
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	if err != nil {
		b.wakesPausedUntil = now.Add(wakePause)
		for _, h := range reservations {
			if h.reserved {
				b.requeue(h, h.since)
			}
		}
		return
	}
	for i, h := range reservations {
		b.settle(h, results[i], now)
	}
	for _, h := range reservations {
		b.assign(h.endpoint, now)
	}
}

// settle updates a reservation with the result of its task's wake.
func (b *Bulkheads) settle(h *held, result queue.WakeResult, now time.Time) {
	repeated := h.checkAt.Sub(h.since) > reservationCheck
	if result == queue.WakePending && !repeated {
		b.metrics.woken.Inc()
	}
	switch {
	case !h.reserved: // a worker has called Acquire for it meanwhile
	case result == queue.WakePending:
		h.pending = true
	case result == queue.WakeActive && !repeated && h.tries < maxWakeTries: // the worker may be about to snooze the task
		h.tries++
		b.requeue(h, now)
	default:
		b.drop(h)
	}
}

// requeue frees the reserved slot and holds the delivery again.
func (b *Bulkheads) requeue(h *held, since time.Time) {
	b.unreserve(h)
	h.since = since
	b.enqueue(h)
}
