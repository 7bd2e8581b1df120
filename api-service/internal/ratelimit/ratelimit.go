// Package ratelimit lets everybody have so many requests a second. Each has a bucket of tokens, and all buckets together have a
// bound: a flood from ever new addresses does not fill the memory.
package ratelimit

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Table has one bucket for each key. It is safe for concurrent use. A nil Table sets no limit.
type Table[K comparable] struct {
	perSecond rate.Limit
	burst     int
	capacity  int

	mutex   sync.Mutex
	buckets map[K]*list.Element
	order   *list.List // of *bucket, the one that was used last in front
}

type bucket[K comparable] struct {
	key     K
	limiter *rate.Limiter
}

// New makes a Table whose buckets hold burst tokens and are refilled at a rate. A rate of 0 makes a nil Table.
func New[K comparable](perSecond, burst, capacity int) *Table[K] {
	if perSecond <= 0 {
		return nil
	}
	return &Table[K]{perSecond: rate.Limit(perSecond), burst: burst, capacity: capacity, buckets: map[K]*list.Element{}, order: list.New()}
}

// Take takes a token for the key and returns 0, or else how long it takes until there is one.
func (t *Table[K]) Take(key K, now time.Time) time.Duration {
	if t == nil {
		return 0
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	taken := t.bucket(key, now).limiter.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// Len is the number of buckets.
func (t *Table[K]) Len() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.order.Len()
}

func (t *Table[K]) bucket(key K, now time.Time) *bucket[K] {
	if element := t.buckets[key]; element != nil {
		t.order.MoveToFront(element)
		return bucketOf[K](element)
	}
	t.makeRoom(now)
	made := &bucket[K]{key: key, limiter: rate.NewLimiter(t.perSecond, t.burst)}
	t.buckets[key] = t.order.PushFront(made)
	return made
}

// makeRoom drops buckets that are full again, and with them nothing that anybody would miss; if the table is full as well, the one
// that was not used for longest.
func (t *Table[K]) makeRoom(now time.Time) {
	for oldest := t.order.Back(); oldest != nil; oldest = t.order.Back() {
		b := bucketOf[K](oldest)
		if t.order.Len() < t.capacity && b.limiter.TokensAt(now) < float64(t.burst) {
			return
		}
		t.order.Remove(oldest)
		delete(t.buckets, b.key)
	}
}

func bucketOf[K comparable](element *list.Element) *bucket[K] {
	b, _ := element.Value.(*bucket[K]) // nothing else is put in
	return b
}
