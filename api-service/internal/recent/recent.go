// Package recent remembers for a moment what was just read from the database, so that a thousand requests a second with the same
// key do not ask for it a thousand times. What it says is never older than Lifetime, and whoever changes something has it
// forgotten at once.
package recent

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Lifetime is how long a value is taken for true, from the moment at which it was asked for. A change is visible in every
// process within a second: this is that second, less the time that a read may take.
const Lifetime = 900 * time.Millisecond

// capacity bounds the entries: one more, and those that have outlived themselves are removed, or else all.
const capacity = 10_000

// Cache is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mutex   sync.Mutex
	entries map[K]*entry[V]
}

type entry[V any] struct {
	asked time.Time
	ready chan struct{}
	value V
	err   error
}

// New makes an empty Cache.
func New[K comparable, V any]() *Cache[K, V] { return &Cache[K, V]{entries: map[K]*entry[V]{}} }

// Get returns what is known of the key, or has it loaded: once, however many ask at the same time. An error is told to those who
// were waiting for it and is not remembered; if it is only that the one who asked has gone, another asks.
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

// Forget is for whoever has changed what the key stands for. A load under way is for those who wait for it already, and for
// nobody who comes later.
func (c *Cache[K, V]) Forget(key K) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.entries, key)
}

func (c *Cache[K, V]) enter(key K) (e *entry[V], mine bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if e := c.entries[key]; e != nil && time.Since(e.asked) < Lifetime {
		return e, false
	}
	if len(c.entries) >= capacity {
		c.shrink()
	}
	e = &entry[V]{asked: time.Now(), ready: make(chan struct{})}
	c.entries[key] = e
	return e, true
}

func (c *Cache[K, V]) load(ctx context.Context, key K, e *entry[V], load func(context.Context) (V, error)) {
	e.err = context.Canceled // should load panic, those who wait ask for themselves
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

func (c *Cache[K, V]) shrink() {
	for key, e := range c.entries {
		if time.Since(e.asked) >= Lifetime {
			delete(c.entries, key)
		}
	}
	if len(c.entries) >= capacity {
		clear(c.entries)
	}
}
