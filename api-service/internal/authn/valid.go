package authn

import (
	"sync"
	"time"
)

const (
	// memory is how long a key counts as valid lately after its last use.
	memory = time.Hour
	// capacity bounds the keys that are remembered. When there are more, all are forgotten.
	capacity = 10_000
)

// validLately remembers which keys were valid when they were last used. It decides which lookup a key takes, and nothing else.
type validLately struct {
	mutex sync.Mutex
	since map[hash]time.Time
}

func newValidLately() *validLately { return &validLately{since: map[hash]time.Time{}} }

// add remembers a key and returns true if it was not remembered.
func (v *validLately) add(h hash, now time.Time) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	_, known := v.since[h]
	if !known && len(v.since) >= capacity {
		clear(v.since)
	}
	v.since[h] = now
	return !known
}

func (v *validLately) forget(h hash) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	delete(v.since, h)
}

func (v *validLately) has(h hash, now time.Time) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	since, known := v.since[h]
	return known && now.Sub(since) < memory
}
