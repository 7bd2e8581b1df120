package claim

import (
	"testing"

	"github.com/stretchr/testify/assert"

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
