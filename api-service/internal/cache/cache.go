// Package cache caches values that were read from the database for less than a second. A thousand requests a second with one API key
// then cause about one read a second. A process that changes a value invalidates it in its own cache.
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
	mutex    sync.Mutex
	entries  map[K]*entry[V]
}

type entry[V any] struct {
	started time.Time
	ready   chan struct{} // closed after the load
	value   V
	err     error
}

// New makes an empty Cache whose values are used for Lifetime.
func New[K comparable, V any]() *Cache[K, V] { return NewLasting[K, V](Lifetime) }

// NewLasting makes an empty Cache whose values are used for another time than Lifetime, counted from the start of their load.
func NewLasting[K comparable, V any](lifetime time.Duration) *Cache[K, V] {
	return &Cache[K, V]{lifetime: lifetime, entries: map[K]*entry[V]{}}
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
	delete(c.entries, key)
}

// InvalidateIf removes the values for which the condition holds, and every load in progress, whose value is not known yet.
func (c *Cache[K, V]) InvalidateIf(condition func(V) bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for key, e := range c.entries {
		if !e.loaded() || condition(e.value) {
			delete(c.entries, key)
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
	if len(c.entries) >= capacity {
		c.evict()
	}
	e = &entry[V]{started: time.Now(), ready: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

func (c *Cache[K, V]) load(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) {
	e.err = context.Canceled // if load panics, the waiting calls load again
	defer func() {
		if e.err != nil {
			c.mutex.Lock()
			if c.entries[key] == e {
				delete(c.entries, key)
			}
			c.mutex.Unlock()
		}
		close(e.ready)
	}()
	e.value, e.err = load(ctx)
}

func (c *Cache[K, V]) evict() {
	for key, e := range c.entries {
		if time.Since(e.started) >= c.lifetime {
			delete(c.entries, key)
		}
	}
	if len(c.entries) >= capacity {
		clear(c.entries)
	}
}
