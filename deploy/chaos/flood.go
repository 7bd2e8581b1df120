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
	// shortestBurst and longestBurst bound how many events an organization that floods publishes in one request. Its share of the queue is
	// 50. The rest waits in PostgreSQL until dispatchers claim it.
	shortestBurst, longestBurst = 200, 1000
	// burstPart is the part of all deliveries in one burst, as a divisor. Each of five organizations has a fifth of the deliveries, so it
	// publishes at least two bursts.
	burstPart = 10
	// backlogInterval is the time between two queries for organizations with a backlog.
	backlogInterval = 20 * time.Millisecond
)

// burst returns how many events each of two organizations publishes in one request. A run with a control has no floods that its check does
// not need.
func (o Options) burst() int {
	if o.Control != "" {
		return 1
	}
	return min(max(o.Deliveries/burstPart, shortestBurst), longestBurst)
}

// watchBacklog records the largest number of lanes in backlog of each organization, until ctx ends.
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
			if state.Added > 0 { // A rebuild opens lanes too. It must not count as a backlog.
				r.backlogs[lane.OrganizationID]++
			}
		}
		r.mutex.Unlock()
	}
}

// floodsOf describes the organizations that flood, and how often they had a backlog. A backlog shorter than backlogInterval may be missed,
// so the number is not part of the verdict.
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
