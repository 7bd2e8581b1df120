package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/load"
	"redrive/pkg/queue"
)

const (
	// shortest and longestBurst bound how many events an organization that floods publishes in one request. Its share of the queue is 50,
	// so that the rest waits in PostgreSQL, and dispatchers claim it.
	shortestBurst, longestBurst = 200, 1000
	// burstPart is the part of all deliveries in one burst, as a divisor. Each of five organizations has a fifth of them: two bursts at least.
	burstPart = 10
	// backlogInterval is the time between two looks for organizations with a backlog.
	backlogInterval = 20 * time.Millisecond
)

// burst is how many events are published at once, by each of two organizations. A run with a control has only what shows its lack.
func (o Options) burst() int {
	if o.Control != "" {
		return 1
	}
	return min(max(o.Deliveries/burstPart, shortestBurst), longestBurst)
}

// watchBacklog notes how many lanes organizations have in backlog at most, until ctx ends.
func (r *run) watchBacklog(ctx context.Context) {
	lanes := queue.NewLanes(r.cache)
	ticker := time.NewTicker(backlogInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		open, err := lanes.List(ctx)
		if err != nil {
			continue // Redis is unavailable
		}
		r.mutex.Lock()
		for lane, state := range open {
			if state.Added > 0 { // a rebuild opens lanes too, and adds nothing
				r.backlogs[lane.OrganizationID]++
			}
		}
		r.mutex.Unlock()
	}
}

// floodsOf describes the organizations that flood, and how often they were seen with a backlog. One that lasts for less than
// backlogInterval is not seen, so that the number is no verdict.
func floodsOf(organizations []load.Organization, backlogs map[string]int) string {
	flooding := slices.DeleteFunc(slices.Clone(organizations), func(o load.Organization) bool { return !o.Floods() })
	if len(flooding) == 0 {
		return "none floods"
	}
	seen := 0
	for _, o := range flooding {
		seen += backlogs[o.ID]
	}
	return fmt.Sprintf("%d of them flood, with %d events a request; lanes seen in backlog: %d", len(flooding), flooding[0].Burst, seen)
}
