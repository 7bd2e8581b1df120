// Package groupcommit has one write to a database serve many callers. Items that arrive while a batch is being written form the
// next one, so that a batch is as large as the load calls for. Where many come at once a batch may also linger for them; an idle
// system writes each item at once and alone.
//
//	Do ──┐            ┌─ writer: batch of what had come by then ──> results, each to its own caller
//	Do ──┼─> waiting ─┤
//	Do ──┘            └─ writer: …
package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Write writes a batch and returns a result and an error for each item, in their order.
type Write[T, R any] func(ctx context.Context, items []T) ([]R, []error)

// Options of a Group.
type Options struct {
	// MaxBatch bounds the items of a batch. Defaults to 200.
	MaxBatch int
	// Writers is how many batches are written at once. Defaults to 2: while one waits for the disk, another is made ready.
	Writers int
	// Timeout bounds the writing of a batch. Defaults to 5 s.
	Timeout time.Duration
	// Linger is the least time from the beginning of a batch to that of the next, where items come so fast that a batch gains by
	// waiting: statements cost more than rows do. An item waits for no longer than that. Defaults to none.
	Linger time.Duration
	// Observe is told the size of each batch, if it is set.
	Observe func(size int)
}

const (
	defaultMaxBatch = 200
	defaultWriters  = 2
	defaultTimeout  = 5 * time.Second
)

// ErrClosed is the answer to an item that came after Close.
var ErrClosed = errors.New("the group is closed")

// Group gathers items. It is safe for concurrent use.
type Group[T, R any] struct {
	write   Write[T, R]
	options Options
	writing sync.WaitGroup

	mutex   sync.Mutex
	waiting []*entry[T, R]
	pace    pace
	began   time.Time // when the last batch was taken
	writers int
	closed  bool
}

type entry[T, R any] struct {
	item   T
	result R
	err    error
	done   chan struct{}
}

// New makes a Group.
func New[T, R any](write Write[T, R], options Options) *Group[T, R] {
	if options.MaxBatch == 0 {
		options.MaxBatch = defaultMaxBatch
	}
	if options.Writers == 0 {
		options.Writers = defaultWriters
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	return &Group[T, R]{write: write, options: options}
}

// Do has the item written and returns its own result once its batch is. A batch is written under a context of its own, so that
// one caller's end is not another's: a caller whose context ends is let go, and whether its item was written it cannot tell. That
// of one whose context had ended before is not.
func (g *Group[T, R]) Do(ctx context.Context, item T) (R, error) {
	e := &entry[T, R]{item: item, done: make(chan struct{})}
	if err := ctx.Err(); err != nil {
		return e.result, err
	}
	if err := g.enter(e); err != nil {
		return e.result, err
	}
	select {
	case <-e.done:
		return e.result, e.err
	case <-ctx.Done():
		var none R
		return none, ctx.Err()
	}
}

// Close writes what is waiting and returns once all is written. Do refuses from then on.
func (g *Group[T, R]) Close() {
	g.mutex.Lock()
	g.closed = true
	g.mutex.Unlock()
	g.writing.Wait()
}

// enter adds the item to those that wait and sees to it that somebody writes them.
func (g *Group[T, R]) enter(e *entry[T, R]) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.waiting = append(g.waiting, e)
	g.pace.came(time.Now())
	if g.writers < g.options.Writers {
		g.writers++
		g.writing.Go(g.writeAll)
	}
	return nil
}

// writeAll is a writer: it writes batch after batch until nobody waits.
func (g *Group[T, R]) writeAll() {
	g.linger()
	for batch := g.next(); len(batch) > 0; batch = g.next() {
		g.writeOne(batch)
		g.linger()
	}
}

// linger lets a batch grow, if it will. While the one before was being written it has grown already, and that counts.
func (g *Group[T, R]) linger() {
	g.mutex.Lock()
	growing := len(g.waiting) > 0 && len(g.waiting) < g.options.MaxBatch && !g.closed && g.pace.expects(g.options.Linger) >= company
	rest := g.options.Linger - time.Since(g.began)
	g.mutex.Unlock()
	if growing && rest > 0 {
		time.Sleep(rest)
	}
}

// next takes the items that have waited longest. A writer that finds none is one no more.
func (g *Group[T, R]) next() []*entry[T, R] {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	size := min(len(g.waiting), g.options.MaxBatch)
	if size == 0 {
		g.writers--
		g.waiting = nil // and with it the memory of a rush
		return nil
	}
	g.began = time.Now()
	batch := g.waiting[:size:size]
	g.waiting = g.waiting[size:]
	return batch
}

// writeOne tells each caller its result. A panic is an error of this batch and ends nothing else.
func (g *Group[T, R]) writeOne(batch []*entry[T, R]) {
	items := make([]T, len(batch))
	for i, e := range batch {
		items[i] = e.item
	}
	results, failures := g.writeBounded(items)
	if g.options.Observe != nil {
		g.options.Observe(len(batch))
	}
	for i, e := range batch {
		e.result, e.err = results[i], failures[i]
		close(e.done)
	}
}

func (g *Group[T, R]) writeBounded(items []T) (results []R, failures []error) {
	defer func() {
		if cause := recover(); cause != nil {
			results, failures = make([]R, len(items)), make([]error, len(items))
			for i := range failures {
				failures[i] = fmt.Errorf("write a batch of %d: panic: %v", len(items), cause)
			}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), g.options.Timeout)
	defer cancel()
	results, failures = g.write(ctx, items)
	if len(results) != len(items) || len(failures) != len(items) {
		panic(fmt.Sprintf("%d results and %d errors came back", len(results), len(failures)))
	}
	return results, failures
}
