package bulkhead

import (
	"context"
	"fmt"
	"time"

	"redrive/dispatcher-service/internal/circuit"
)

// visitsPerTick bounds how many endpoints one tick visits. The next tick continues with the endpoint after the last one.
const visitsPerTick = 1000

// Start starts to wake held deliveries as slots become free, and to make circuits half open as their open periods end.
func (b *Bulkheads) Start() {
	b.background.Start(b.run)
}

// Stop stops waking held deliveries. Their tasks run when their snoozes end, in any process. It returns an error if ctx ends before the
// call to Redis in progress. It may be called before Start, and more than once.
func (b *Bulkheads) Stop(ctx context.Context) error {
	if err := b.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for tasks to be woken: %w", err)
	}
	return nil
}

func (b *Bulkheads) run(ctx context.Context) {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.tick()
		case <-b.wakeSignal:
		}
		b.wakeAll(ctx)
	}
}

// tick evicts idle endpoints, and updates the circuits and reservations of watched endpoints for the time that has passed.
func (b *Bulkheads) tick() {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	for range min(visitsPerTick, len(b.watched)) {
		b.visitNext(now)
	}
	b.evictIdle(now.Add(-idleTTL), now)
}

// visitNext updates the next watched endpoint, and stops watching it if nothing can change with time.
func (b *Bulkheads) visitNext(now time.Time) {
	if len(b.watched) == 0 {
		return
	}
	b.visited = (b.visited + 1) % len(b.watched)
	e := b.watched[b.visited]
	b.expireReservations(e, now)
	b.advance(e, now)
	b.assign(e, now)
	if e.circuit.State == circuit.Closed && len(e.held) == 0 && e.reservations.first == nil {
		b.unwatch(e)
	}
}
