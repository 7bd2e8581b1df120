package cache

import (
	"sync"
	"time"
)

// Recent has the values that were last added within a time. A full one drops all of them. It is safe for concurrent use.
type Recent[K comparable, V any] struct {
	lifetime time.Duration
	capacity int
	mutex    sync.Mutex
	added    map[K]addedValue[V]
}

type addedValue[V any] struct {
	value V
	at    time.Time
}

// NewRecent makes a Recent of at most capacity values.
func NewRecent[K comparable, V any](lifetime time.Duration, capacity int) *Recent[K, V] {
	return &Recent[K, V]{lifetime: lifetime, capacity: capacity, added: map[K]addedValue[V]{}}
}

// Add adds a value, or replaces it and renews its time. It reports whether the key is new.
func (r *Recent[K, V]) Add(key K, value V, now time.Time) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	_, known := r.added[key]
	if !known && len(r.added) >= r.capacity {
		clear(r.added)
	}
	r.added[key] = addedValue[V]{value, now}
	return !known
}

// Get returns a value that was added within the time, and whether there is one.
func (r *Recent[K, V]) Get(key K, now time.Time) (V, bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	added, known := r.added[key]
	if !known || now.Sub(added.at) >= r.lifetime {
		var none V
		return none, false
	}
	return added.value, true
}

// Remove removes a value.
func (r *Recent[K, V]) Remove(key K) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.added, key)
}
