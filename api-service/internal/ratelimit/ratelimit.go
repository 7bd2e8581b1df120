// Package ratelimit limits the requests per second of each key, with a token bucket for each. The number of buckets is bounded, so that
// requests from many addresses do not fill the memory.
package ratelimit

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Table holds a token bucket for each key. It is safe for concurrent use. A nil Table sets no limit.
type Table[K comparable] struct {
	perSecond rate.Limit
	burst     int
	capacity  int

	mutex   sync.Mutex
	buckets map[K]*list.Element
	order   *list.List // of *bucket, the most recently used first
}

type bucket[K comparable] struct {
	key     K
	limiter *rate.Limiter
}

// New makes a Table with up to capacity buckets. A bucket holds burst tokens and gets perSecond tokens per second. New returns nil if
// perSecond is 0.
func New[K comparable](perSecond, burst, capacity int) *Table[K] {
	if perSecond <= 0 {
		return nil
	}
	return &Table[K]{perSecond: rate.Limit(perSecond), burst: burst, capacity: capacity, buckets: map[K]*list.Element{}, order: list.New()}
}

// NewOwn makes a Table with up to capacity buckets, for keys that have a limit of their own. See TakeOf.
func NewOwn[K comparable](capacity int) *Table[K] { return New[K](1, 1, capacity) }

// Take takes a token of the key and returns 0. If there is none, it returns the time until the next token.
func (t *Table[K]) Take(key K, now time.Time) time.Duration {
	if t == nil {
		return 0
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return take(t.bucket(key, t.perSecond, t.burst, now).limiter, now)
}

// TakeOf is Take for a key that has its own limit: perSecond tokens per second, and a burst of as many. 0 sets no limit. A changed limit
// holds at once and leaves the tokens of the bucket.
func (t *Table[K]) TakeOf(key K, perSecond int, now time.Time) time.Duration {
	if t == nil || perSecond <= 0 {
		return 0
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	limiter := t.bucket(key, rate.Limit(perSecond), perSecond, now).limiter
	if limiter.Burst() != perSecond {
		limiter.SetLimitAt(now, rate.Limit(perSecond))
		limiter.SetBurstAt(now, perSecond)
	}
	return take(limiter, now)
}

func take(limiter *rate.Limiter, now time.Time) time.Duration {
	taken := limiter.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// Len returns the number of buckets.
func (t *Table[K]) Len() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.order.Len()
}

// bucket returns the bucket of a key. A new one has the given limit and is full.
func (t *Table[K]) bucket(key K, perSecond rate.Limit, burst int, now time.Time) *bucket[K] {
	if element := t.buckets[key]; element != nil {
		t.order.MoveToFront(element)
		return bucketOf[K](element)
	}
	t.evict(now)
	made := &bucket[K]{key: key, limiter: rate.NewLimiter(perSecond, burst)}
	t.buckets[key] = t.order.PushFront(made)
	return made
}

// evict removes the least recently used buckets while they are full of tokens, because a full bucket has no state. If the table is full, it
// removes at least one bucket.
func (t *Table[K]) evict(now time.Time) {
	for oldest := t.order.Back(); oldest != nil; oldest = t.order.Back() {
		b := bucketOf[K](oldest)
		if t.order.Len() < t.capacity && b.limiter.TokensAt(now) < float64(b.limiter.Burst()) {
			return
		}
		t.order.Remove(oldest)
		delete(t.buckets, b.key)
	}
}

func bucketOf[K comparable](element *list.Element) *bucket[K] {
	b, _ := element.Value.(*bucket[K]) // the list has no other values
	return b
}
