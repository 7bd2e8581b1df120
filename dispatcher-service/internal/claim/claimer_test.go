package claim

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
)

// After Redis was emptied, a delivery is claimed again while a worker of this process has it. It counts once until both are done.
func TestDoneOfTwoTasksOfOneDelivery(t *testing.T) {
	c := New(Options{Workers: 1, Room: anyRoom})
	taken := queue.Taken{DeliveryID: "dlv_1", Lane: laneOf("org_a", "ep_a", 0)}
	c.hold(taken)
	c.Entered(taken.DeliveryID)
	c.Pause(taken.DeliveryID)
	c.hold(taken)
	assert.Equal(t, 1, c.chooser.organizations["org_a"].inFlight)
	c.Resume(taken.DeliveryID)
	c.Done(taken.DeliveryID)
	assert.Equal(t, leastWork-1, c.load.Room())
	c.Done(taken.DeliveryID)
	assert.Equal(t, leastWork, c.load.Room())
	assert.Empty(t, c.chooser.organizations)
	assert.Empty(t, c.chooser.entering)
	assert.Empty(t, c.held)
}

// outrun is a queue from which another dispatcher has claimed some of the candidates.
type outrun struct {
	*tasks
	passed  []int // for each take, how many of the first candidates
	offered []int // how many candidates each take had
}

func (q *outrun) Take(_ context.Context, _ string, n int, candidates []queue.Candidate) (taking queue.Taking, err error) {
	passed := q.passed[len(q.offered)]
	q.offered = append(q.offered, len(candidates))
	for i, candidate := range candidates {
		if i < passed {
			taking.Fates = append(taking.Fates, queue.Passed)
			continue
		}
		if len(taking.Tasks) == n {
			break
		}
		taking.Fates = append(taking.Fates, queue.Claimed)
		taking.Tasks = append(taking.Tasks, queue.Taken{DeliveryID: candidate.Position.DeliveryID, Lane: candidate.Lane})
	}
	return taking, nil
}

// A dispatcher that shares a backlog with others offers as many candidates more as were claimed by others before, so that each take gets tasks.
func TestLookOffersMoreWhileOthersClaim(t *testing.T) {
	q := &outrun{tasks: &tasks{}, passed: []int{0, 5, 5, 20, 0, 0, 100}}
	c := newClaimer(q.tasks, 1000)
	c.options.Lanes = q
	c.chooser.fill(laneOf("org_a", "ep_a", 0), 300)
	for range q.passed {
		_, err := c.look(t.Context(), 10)
		require.NoError(t, err)
	}
	assert.Equal(t, []int{10, 10, 15, 15, 25, 10, 10}, q.offered)
	assert.Len(t, c.held, 10+5+10+0+10+10+0)
	assert.Equal(t, 10, c.passed, "it had no more candidates than these")
}
