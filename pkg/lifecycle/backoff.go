package lifecycle

import (
	"context"
	"time"
)

// Backoff is the pauses between polls: each is twice as long as the one before, from First to Longest. It is not safe for concurrent use.
type Backoff struct {
	First, Longest time.Duration

	next time.Duration
}

// Next returns the next pause.
func (b *Backoff) Next() time.Duration {
	pause := min(max(b.next, b.First), b.Longest)
	b.next = 2 * pause
	return pause
}

// Sleep waits for the next pause and returns nil, or returns the error of ctx when ctx ends before.
func (b *Backoff) Sleep(ctx context.Context) error { return Sleep(ctx, b.Next()) }
