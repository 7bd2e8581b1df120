// Package cache caches values that were read from the database, most of them for less than a second. A thousand requests a second with one
// API key then cause about one read a second. A process that changes a value invalidates it in its own cache.
package cache

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Lifetime is how long a value is used, counted from the start of its load. Every process promises to see a change within a second:
// Lifetime is this second, less the time of a load.
const Lifetime = 900 * time.Millisecond

// capacity bounds the entries. A full cache drops its expired entries, or all entries if none has expired.
const capacity = 10_000

// Cache caches values by key and loads missing ones. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	lifetime time.Duration
	size     Size[V]
	mutex    sync.Mutex
	entries  map[K]*entry[V]
	total    int // the sizes of the entries
}

type entry[V any] struct {
	started time.Time
	ready   chan struct{} // closed after the load
	value   V
	err     error
	size    int // 0 until the value is loaded
}

// Size bounds the memory of a cache whose values are large. The zero value sets no bound.
type Size[V any] struct {
	// Of returns the size of a value in bytes.
	Of func(V) int
	// Value is the size of the largest value that is cached, and All that of all values together, in bytes.
	Value, All int
}

// New makes an empty Cache whose values are used for Lifetime.
func New[K comparable, V any]() *Cache[K, V] { return NewLasting[K, V](Lifetime) }

// NewLasting makes an empty Cache whose values are used for another time than Lifetime, counted from the start of their load.
func NewLasting[K comparable, V any](lifetime time.Duration) *Cache[K, V] {
	return NewSized[K](lifetime, Size[V]{})
}

// NewSized is NewLasting with a bound of the memory.
func NewSized[K comparable, V any](lifetime time.Duration, size Size[V]) *Cache[K, V] {
	return &Cache[K, V]{lifetime: lifetime, size: size, entries: map[K]*entry[V]{}}
}

// Get returns the cached value of a key, or loads it. Concurrent calls for one key share a load. An error is returned to all of them
// and is not cached. If the load failed only because the context of its caller was canceled, another caller loads again.
func (c *Cache[K, V]) Get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	for {
		e, mine := c.enter(key)
		if mine {
			c.load(ctx, key, e, load)
			return e.value, e.err
		}
		select {
		case <-e.ready:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
		if !errors.Is(e.err, context.Canceled) {
			return e.value, e.err
		}
	}
}

// Invalidate removes the value of a key that has changed. The result of a load in progress is used only by the calls that already wait
// for it.
func (c *Cache[K, V]) Invalidate(key K) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.remove(key)
}

// InvalidateKeys removes the values of the keys for which the condition holds, as Invalidate does.
func (c *Cache[K, V]) InvalidateKeys(condition func(K) bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key := range c.entries {
		if condition(key) {
			c.remove(key)
		}
	}
}

// InvalidateIf removes the values for which the condition holds, and every load in progress, whose value is not known yet.
func (c *Cache[K, V]) InvalidateIf(condition func(V) bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key, e := range c.entries {
		if !e.loaded() || condition(e.value) {
			c.remove(key)
		}
	}
}

func (e *entry[V]) loaded() bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// enter returns the entry of a key, and whether the caller has to load it.
func (c *Cache[K, V]) enter(key K) (e *entry[V], mine bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if e := c.entries[key]; e != nil && time.Since(e.started) < c.lifetime {
		return e, false
	}
	c.remove(key)
	if len(c.entries) >= capacity {
		c.evict()
	}
	if len(c.entries) >= capacity {
		c.clear()
	}
	e = &entry[V]{started: time.Now(), ready: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

func (c *Cache[K, V]) load(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) {
	e.err = context.Canceled // if load panics, the waiting calls load again
	defer func() {
		c.finish(key, e)
		close(e.ready)
	}()
	e.value, e.err = load(ctx)
}

// finish keeps a value that was loaded, unless the load failed or the value is too large.
func (c *Cache[K, V]) finish(key K, e *entry[V]) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	switch {
	case c.entries[key] != e: // it was invalidated during the load
		return
	case e.err != nil:
		c.remove(key)
		return
	case c.size.Of == nil:
		return
	}
	e.size = c.size.Of(e.value)
	c.total += e.size
	if e.size > c.size.Value {
		c.remove(key)
	}
	if c.total > c.size.All {
		c.evict()
	}
	if c.total > c.size.All {
		c.clear()
	}
}

func (c *Cache[K, V]) remove(key K) {
	if e := c.entries[key]; e != nil {
		c.total -= e.size
		delete(c.entries, key)
	}
}

// evict removes the expired entries.
func (c *Cache[K, V]) evict() {
	for key, e := range c.entries {
		if time.Since(e.started) >= c.lifetime {
			c.remove(key)
		}
	}
}

func (c *Cache[K, V]) clear() {
	clear(c.entries)
	c.total = 0
}
