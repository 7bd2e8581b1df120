package deliver

import (
	"sync"
	"time"

	"redrive/pkg/queue"
)

// refusalLife is how long a refusal counts. A delivery that waits for memory asks again within longestMemoryWait and twice memorySnooze.
const refusalLife = longestMemoryWait + 2*memorySnooze

// refusals has the organizations whose deliveries got no memory. The zero value is ready for use. It is safe for concurrent use.
type refusals struct {
	mutex sync.Mutex
	last  map[string]time.Time // by organization
}

// note adds a refusal.
func (r *refusals) note(organizationID string, now time.Time) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	r.last[organizationID] = now
}

// recent returns the refusals within refusalLife, and removes the others.
func (r *refusals) recent() map[string]queue.OrganizationState {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	found := make(map[string]queue.OrganizationState, len(r.last))
	for organizationID, at := range r.last {
		if time.Since(at) > refusalLife {
			delete(r.last, organizationID)
			continue
		}
		found[organizationID] = queue.OrganizationState{WithoutMemory: at}
	}
	return found
}
