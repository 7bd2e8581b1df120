package bulkhead

import "time"

// find returns the endpoint and marks it as used. It evicts an idle endpoint before it makes one too many.
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

// evictIdle evicts the endpoints that were last used before a time. An endpoint that is not idle counts as used now.
func (b *Bulkheads) evictIdle(limit, now time.Time) {
	for e := b.lru.first; e != nil && e.used.Before(limit); e = b.lru.first {
		b.evict(e, now)
	}
}

// evictOldest evicts the least recently used endpoint that is idle, if there is one among the first few. There may be more than
// maxEndpoints that are not idle: as many as there are workers and held deliveries.
func (b *Bulkheads) evictOldest(now time.Time) {
	for range min(evictionTries, b.lru.size) {
		if b.evict(b.lru.first, now) {
			return
		}
	}
}

// evict removes the endpoint if it is idle. Otherwise it marks it as used.
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

// watch adds the endpoint to those that tick visits.
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
