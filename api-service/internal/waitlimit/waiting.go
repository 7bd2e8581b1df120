// Package waitlimit refuses events of an organization that has as many waiting deliveries as its limit.
//
// It counts only for organizations that have the limit, in the index of what waits, and no further than the limit. A count is used again
// for a multiple of the time that it took, together with what this process has published since: counting therefore takes at most a
// twentieth of a connection's time, and a small backlog is counted for nearly every request. A request is refused only by a count of less
// than a second ago.
package waitlimit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"redrive/pkg/webhook"
)

// Store counts an organization's waiting deliveries, up to a limit.
type Store interface {
	CountWaitingOf(ctx context.Context, organizationID string, limit int) (int, error)
}

const (
	// reuse is how many times longer than it took a count is used, and longest bounds that time.
	reuse   = 20
	longest = time.Second
	// retryAfter is the Retry-After of a refusal. At 1,000 deliveries a second, a backlog changes within it.
	retryAfter = 2 * time.Second
	// capacity bounds the organizations in memory. All are dropped when there are more.
	capacity = 10_000
)

// Limiter compares organizations with their limit. It is safe for concurrent use.
type Limiter struct {
	store Store

	mutex  sync.Mutex
	counts map[string]*count
}

// count is the last count of an organization.
type count struct {
	turn    chan struct{} // holds a token while the organization is counted, so that concurrent requests share a count
	waiting int
	limit   int          // up to which it was counted
	added   atomic.Int64 // by this process since the count began
	expires time.Time
}

// estimate is the last count with what was added since.
func (c *count) estimate() int { return c.waiting + int(c.added.Load()) }

// New makes a Limiter.
func New(store Store) *Limiter { return &Limiter{store: store, counts: map[string]*count{}} }

// Check returns an error with the reason backlog_limit if the organization has as many waiting deliveries as its limit.
func (l *Limiter) Check(ctx context.Context, o webhook.Organization) error {
	limit := o.Limits.MaxWaitingDeliveries
	if limit == 0 {
		return nil
	}
	c := l.of(o.ID)
	if err := c.lock(ctx); err != nil {
		return err
	}
	defer c.unlock()
	now := time.Now()
	if !now.Before(c.expires) || c.limit != limit || c.estimate() >= limit {
		if err := c.read(ctx, l.store, o.ID, limit, now); err != nil {
			return err
		}
	}
	if c.waiting >= limit {
		return webhook.BacklogLimit(limit, retryAfter)
	}
	return nil
}

func (c *count) read(ctx context.Context, store Store, organizationID string, limit int, now time.Time) error {
	c.added.Store(0) // what is added while it is counted may be counted twice, and is not missed
	waiting, err := store.CountWaitingOf(ctx, organizationID, limit)
	if err != nil {
		return err
	}
	took := time.Since(now)
	c.waiting, c.limit, c.expires = waiting, limit, now.Add(took+min(reuse*took, longest))
	return nil
}

func (c *count) lock(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *count) unlock() { <-c.turn }

// Added adds deliveries that this process has created to the last count of an organization with a limit.
func (l *Limiter) Added(organizationID string, deliveries int) {
	if c := l.known(organizationID); c != nil {
		c.added.Add(int64(deliveries))
	}
}

func (l *Limiter) known(organizationID string) *count {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.counts[organizationID]
}

func (l *Limiter) of(organizationID string) *count {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if c := l.counts[organizationID]; c != nil {
		return c
	}
	if len(l.counts) >= capacity {
		clear(l.counts)
	}
	c := &count{turn: make(chan struct{}, 1)}
	l.counts[organizationID] = c
	return c
}
