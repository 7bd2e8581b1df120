package authn

import (
	"sync"
	"time"
)

const (
	// recentFor is how long a key is recently valid after its last use.
	recentFor = time.Hour
	// capacity bounds the keys in memory. All are dropped when there are more.
	capacity = 10_000
)

// recentlyValid is the set of keys that were valid at their last use. It only decides which lookup a key takes.
type recentlyValid struct {
	mutex  sync.Mutex
	usedAt map[hash]time.Time
}

func newRecentlyValid() *recentlyValid { return &recentlyValid{usedAt: map[hash]time.Time{}} }

// add adds a key or renews it. It returns true if the key is new.
func (v *recentlyValid) add(h hash, now time.Time) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	_, known := v.usedAt[h]
	if !known && len(v.usedAt) >= capacity {
		clear(v.usedAt)
	}
	v.usedAt[h] = now
	return !known
}

func (v *recentlyValid) remove(h hash) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	delete(v.usedAt, h)
}

func (v *recentlyValid) has(h hash, now time.Time) bool {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	usedAt, known := v.usedAt[h]
	return known && now.Sub(usedAt) < recentFor
}
