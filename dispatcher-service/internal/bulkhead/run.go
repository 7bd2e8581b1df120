package bulkhead

import (
	"context"
	"fmt"
	"time"

	"redrive/pkg/queue"
)

const (
	// beatful bounds how many endpoints are looked after at one beat; the next goes on where it ended.
	beatful = 1000
	// wakeTries is how often it is tried to wake a task that a worker has; after that another replica has it for good.
	wakeTries = 5
	// wakeBatch bounds what one script wakes: Redis serves nobody else meanwhile.
	wakeBatch = 200
	// wakePause is how long nobody is called after Redis has not answered.
	wakePause = time.Second
	// wakeTimeout bounds one trip.
	wakeTimeout = 2 * time.Second
)

type lifecycle struct {
	cancel  context.CancelFunc
	stopped chan struct{}
}

// Start begins to wake held deliveries as slots become free, and circuits half-open by themselves.
func (b *Bulkheads) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	b.lifecycle = lifecycle{cancel: cancel, stopped: make(chan struct{})}
	go func() {
		defer close(b.lifecycle.stopped)
		b.run(ctx)
	}()
}

// Stop wakes nobody any more: what is held comes back by itself, here or elsewhere. It may be called before Start, and again.
func (b *Bulkheads) Stop(ctx context.Context) error {
	if b.lifecycle.cancel == nil {
		return nil
	}
	b.lifecycle.cancel()
	select {
	case <-b.lifecycle.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for tasks to be woken: %w", ctx.Err())
	}
}

func (b *Bulkheads) run(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			b.tick()
		case <-b.bell:
		}
		for name, calls := range b.collect() {
			for len(calls) > 0 && ctx.Err() == nil {
				size := min(len(calls), wakeBatch)
				b.wake(ctx, name, calls[:size])
				calls = calls[size:]
			}
		}
	}
}

// ring says that there is something in the outbox.
func (b *Bulkheads) ring() {
	select {
	case b.bell <- struct{}{}:
	default:
	}
}

// tick looks after what time alone changes.
func (b *Bulkheads) tick() {
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	for range min(beatful, len(b.tended)) {
		b.tendNext(now)
	}
	b.forgetBefore(now.Add(-idleFor), now)
}

// tendNext looks after one endpoint.
func (b *Bulkheads) tendNext(now time.Time) {
	if len(b.tended) == 0 {
		return
	}
	b.cursor = (b.cursor + 1) % len(b.tended)
	e := b.tended[b.cursor]
	b.lapse(e, now)
	b.advance(e, now)
	b.pump(e, now)
	if e.breaker.state == Closed && len(e.line) == 0 && e.calls.first == nil {
		b.untend(e)
	}
}

// post has a task woken soon.
func (b *Bulkheads) post(h *held) {
	b.outbox = append(b.outbox, h)
	b.ring()
}

// collect empties the outbox, by queue.
func (b *Bulkheads) collect() map[string][]*held {
	b.mutex.Lock()
	defer b.unlock()
	if len(b.outbox) == 0 {
		return nil
	}
	letters := map[string][]*held{}
	for _, h := range b.outbox {
		if h.called { // it may have come by itself meanwhile
			letters[h.queue] = append(letters[h.queue], h)
		}
	}
	b.outbox = nil
	return letters
}

func (b *Bulkheads) wake(ctx context.Context, queueName string, calls []*held) {
	ids := make([]string, len(calls))
	for i, h := range calls {
		ids[i] = h.id
	}
	bounded, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	wakings, err := b.options.Waker.Wake(bounded, queueName, ids)
	if err != nil && ctx.Err() == nil {
		b.options.RedisLog.WarnContext(ctx, "held deliveries not woken", "deliveries", len(ids), "error", err)
	}
	b.mutex.Lock()
	defer b.unlock()
	now := time.Now()
	if err != nil {
		b.quietUntil = now.Add(wakePause)
	}
	for i, h := range calls {
		again := h.look.Sub(h.since) > callLook
		if err == nil && wakings[i] == queue.WakePending && !again {
			b.metrics.woken.Inc()
		}
		switch {
		case !h.called: // it has come
		case err != nil:
			b.recall(h, h.since)
		case wakings[i] == queue.WakePending:
			h.coming = true
		case wakings[i] == queue.WakeActive && !again && h.tries < wakeTries:
			h.tries++
			b.recall(h, now)
		default:
			b.drop(h)
		}
	}
	if err == nil {
		for _, h := range calls {
			b.pump(h.endpoint, now)
		}
	}
}

// recall puts what was called back into the line.
func (b *Bulkheads) recall(h *held, since time.Time) {
	b.uncall(h)
	h.since = since
	b.lineUp(h)
}
