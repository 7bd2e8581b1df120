// Package groupcommit lets concurrent callers share one write to a database. Do queues an item and returns the item's own result
// when the batch that holds it has been written.
//
// Items that arrive while a batch is being written form the next batch, so batches grow with the load. When the system is idle, an
// item is written at once and alone. With Options.Linger, a batch also waits for more items while items arrive fast.
//
//	Do ──┐             ┌─ writer: takes up to MaxBatch items ──▶ Write ──▶ one result to each caller
//	Do ──┼─▶ pending ──┤
//	Do ──┘             └─ writer: …
//
// Close refuses new items and writes the pending ones.
package groupcommit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Write writes a batch. It returns one result and one error for each item, in the order of items. A panic in Write becomes the error
// of every item in the batch.
type Write[T, R any] func(ctx context.Context, items []T) ([]R, []error)

// Options of a Group.
type Options struct {
	// MaxBatch bounds the items of a batch. Defaults to 200.
	MaxBatch int
	// Writers bounds how many batches are written at the same time. Defaults to 2, so that one batch is sent while another waits for
	// the disk.
	Writers int
	// Timeout is the deadline of one call of Write. Defaults to 5 s.
	Timeout time.Duration
	// Linger is the minimum time between the starts of two batches while items arrive fast. Larger batches are worth this delay
	// because a statement costs more than a row. An item is delayed by at most Linger. Defaults to 0: no delay.
	Linger time.Duration
	// Observe is called with the size of each batch after it was written. It may be nil.
	Observe func(size int)
}

const (
	defaultMaxBatch = 200
	defaultWriters  = 2
	defaultTimeout  = 5 * time.Second
)

// ErrClosed is the error of Do after Close.
var ErrClosed = errors.New("the group is closed")

// Group collects items into batches and writes them. It is safe for concurrent use. A Group has no goroutines while it is idle.
type Group[T, R any] struct {
	write   Write[T, R]
	options Options
	writing sync.WaitGroup

	mutex    sync.Mutex
	pending  []*request[T, R] // oldest first
	arrivals arrivals
	began    time.Time // when the last batch was started
	writers  int       // running, at most Options.Writers
	closed   bool
}

// request is an item that a caller of Do waits for. done is closed when result and err are set.
type request[T, R any] struct {
	item   T
	result R
	err    error
	done   chan struct{}
}

// New returns a Group that writes batches with write. The caller closes it.
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

// Do writes the item as part of a batch and returns the item's own result and error.
//
// If ctx is already done, Do returns ctx.Err() and the item is not written. If ctx ends later, Do returns ctx.Err() at once and the
// item may or may not be written. The end of ctx does not cancel the batch, since other callers share it. After Close, Do returns
// ErrClosed.
func (g *Group[T, R]) Do(ctx context.Context, item T) (R, error) {
	e := &request[T, R]{item: item, done: make(chan struct{})}
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

// Close makes Do return ErrClosed from now on, writes the pending items, and returns when all batches have been written.
func (g *Group[T, R]) Close() {
	g.mutex.Lock()
	g.closed = true
	g.mutex.Unlock()
	g.writing.Wait()
}

// enter appends the request to the pending ones, and starts a writer unless the maximum number is running.
func (g *Group[T, R]) enter(e *request[T, R]) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.closed {
		return ErrClosed
	}
	g.pending = append(g.pending, e)
	g.arrivals.add(time.Now())
	if g.writers < g.options.Writers {
		g.writers++
		g.writing.Go(g.writeAll)
	}
	return nil
}

// writeAll is the goroutine of a writer. It writes batches until no request is pending.
func (g *Group[T, R]) writeAll() {
	g.linger()
	for batch := g.next(); len(batch) > 0; batch = g.next() {
		g.writeOne(batch)
		g.linger()
	}
}

// linger sleeps until Options.Linger has passed since the start of the last batch, if enough items are expected to arrive in that
// time. It returns at once if nothing is pending, a full batch is pending, or the group is closed.
func (g *Group[T, R]) linger() {
	g.mutex.Lock()
	lingers := len(g.pending) > 0 && len(g.pending) < g.options.MaxBatch && !g.closed && g.arrivals.expected(g.options.Linger) >= minExpected
	rest := g.options.Linger - time.Since(g.began)
	g.mutex.Unlock()
	if lingers && rest > 0 {
		time.Sleep(rest)
	}
}

// next removes the oldest pending requests, at most MaxBatch. If there are none, it returns nil and the calling writer must end.
func (g *Group[T, R]) next() []*request[T, R] {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	size := min(len(g.pending), g.options.MaxBatch)
	if size == 0 {
		g.writers--
		g.pending = nil // frees the memory that many pending requests took
		return nil
	}
	g.began = time.Now()
	batch := g.pending[:size:size]
	g.pending = g.pending[size:]
	return batch
}

// writeOne writes a batch and hands each caller its result.
func (g *Group[T, R]) writeOne(batch []*request[T, R]) {
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

// writeBounded calls Write with the deadline Options.Timeout. A panic, or a wrong number of results, becomes the error of every item.
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
		panic(fmt.Sprintf("Write returned %d results and %d errors", len(results), len(failures)))
	}
	return results, failures
}
