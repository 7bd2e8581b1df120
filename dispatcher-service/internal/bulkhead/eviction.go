package bulkhead

import "time"

// find returns the state of an endpoint, and creates it if there is none. If there are maxEndpoints already, it evicts an idle one first.
func (b *Bulkheads) find(id string, now time.Time) *endpoint {
	e := b.endpoints[id]
	if e != nil {
		b.lru.remove(e)
	} else {
		if len(b.endpoints) >= b.maxEndpoints {
			b.evictOldest(now)
		}
		e = &endpoint{id: id}
		b.endpoints[id] = e
	}
	e.used = now
	b.lru.pushBack(e)
	return e
}

// evictIdle evicts the idle endpoints whose last request came before limit. Other endpoints from before limit are marked as used now.
func (b *Bulkheads) evictIdle(limit, now time.Time) {
	for e := b.lru.first; e != nil && e.used.Before(limit); e = b.lru.first {
		b.evict(e, now)
	}
}

// evictOldest looks at the evictionTries least recently used endpoints and evicts the first idle one. If none of them is idle, there are
// more than maxEndpoints for a time. Their number stays bounded by that of workers and held deliveries.
func (b *Bulkheads) evictOldest(now time.Time) {
	for range min(evictionTries, b.lru.size) {
		if b.evict(b.lru.first, now) {
			return
		}
	}
}

// evict removes the endpoint and returns true if it is idle. Otherwise it marks the endpoint as used now.
func (b *Bulkheads) evict(e *endpoint, now time.Time) bool {
	b.lru.remove(e)
	if e.idle() {
		b.unwatch(e)
		delete(b.endpoints, e.id)
		return true
	}
	e.used = now
	b.lru.pushBack(e)
	return false
}

// watch adds the endpoint to the ones that tick visits.
func (b *Bulkheads) watch(e *endpoint) {
	if e.index == 0 {
		b.watched = append(b.watched, e)
		e.index = len(b.watched)
	}
}

func (b *Bulkheads) unwatch(e *endpoint) {
	if e.index == 0 {
		return
	}
	last := b.watched[len(b.watched)-1]
	b.watched[e.index-1] = last
	last.index = e.index
	b.watched[len(b.watched)-1] = nil
	b.watched = b.watched[:len(b.watched)-1]
	e.index = 0
}
