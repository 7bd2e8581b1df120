package lifecycle

import (
	"context"
	"time"
)

// Background is work that runs in a goroutine of its own between Start and Stop. The zero value is ready for use. Start and Stop must not
// be called at the same time.
type Background struct {
	cancel  context.CancelFunc
	stopped chan struct{}
}

// Start calls work in a new goroutine. The context of work ends when Stop is called; work returns then. Start must be called only once.
func (b *Background) Start(work func(ctx context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.stopped = cancel, make(chan struct{})
	go func() {
		defer close(b.stopped)
		work(ctx)
	}()
}

// Stop cancels the work and waits until it has returned or ctx ends. It returns the error of ctx. It may be called before Start, and more
// than once.
func (b *Background) Stop(ctx context.Context) error {
	if b.cancel == nil {
		return nil
	}
	b.cancel()
	select {
	case <-b.stopped:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Sleep waits for a duration and returns nil, or returns the error of ctx when ctx ends before. It does not wait for a duration of 0 or less.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
