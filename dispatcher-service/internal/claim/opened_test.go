package claim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/queue/queuetest"
	"redrive/pkg/webhook"
)

var theLane = webhook.Lane{OrganizationID: "org_0", EndpointID: "ep_0_0", Priority: webhook.PriorityLive}

// add commits a delivery of theLane and does not enqueue it. It is due at m.clock plus later.
func (m *machine) add(later time.Duration) *row {
	r := m.write(theLane, m.clock.Add(later))
	r.committed = true
	return r
}

// turn runs a pass with a sweep, and a take.
func (m *machine) turn() {
	m.sweep(m.claimers[0])
	m.take(0)
}

// The only other delivery of the lane is a retry that is due in a day. It keeps the lane open, and the reconciler skips open lanes.
func TestLostEnqueueBeforeRetryIsClaimed(t *testing.T) {
	m := newMachine(t, 0, 1)
	m.add(0)
	m.add(24 * time.Hour).status = webhook.StatusRetrying
	m.release(theLane.EndpointID)
	m.turn()
	m.finish()
	m.turn()
	lost := m.add(time.Millisecond)
	for range 3 {
		m.turn()
	}
	require.Contains(t, m.working, lost.position.DeliveryID)
}

// A delivery was read ahead, and its candidate was lost. The cursor of its lane does not move, so the sweep restarts the reading.
func TestLostCandidateIsReadAgain(t *testing.T) {
	m := newMachine(t, 0, 1)
	c, lost := m.claimers[0], m.add(0)
	m.release(theLane.EndpointID)
	m.sweep(c)
	c.chooser.lanes[theLane].rows = nil
	for range 4 {
		m.turn()
	}
	require.Contains(t, m.working, lost.position.DeliveryID)
}

// A late delivery is taken, and its lane is reopened and read before the take returns. The worker gives the delivery back.
func TestLaneOpenedAgainDuringTakeOfLateDelivery(t *testing.T) {
	m := newMachine(t, 0, 1)
	c, late := m.claimers[0], m.add(0)
	id := late.position.DeliveryID
	m.hold(theLane.EndpointID)
	m.release(theLane.EndpointID)
	m.turn()
	m.hold(theLane.EndpointID)
	m.finish()
	delete(m.database.held, theLane.EndpointID) // without opening the lane
	m.sweep(c)

	chosen := c.chooser.choose(1)
	require.True(t, chosen[0].Late)
	taking, err := m.lanes.Take(t.Context(), queueName, 1, chosen)
	require.NoError(t, err)
	m.release(theLane.EndpointID)
	require.NoError(t, c.reader.pass(t.Context()))
	c.takeOver(1, chosen, taking)
	c.ready = nil
	c.Done(id)
	require.NoError(t, queuetest.Remove(t.Context(), m.redis, queueName, id))

	for range 4 {
		m.turn()
	}
	require.Contains(t, m.working, id)
}

// A lane is claimed to its end and reopened, as by a pause and a resume, before the dispatcher reads its cursor again.
func TestLaneOpenedAgainBetweenPassesIsClaimedAgain(t *testing.T) {
	for name, closed := range map[string]bool{"opened again": false, "closed and opened again": true} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, 0, 1)
			for n := range 3 {
				m.add(time.Duration(n) * time.Millisecond)
			}
			m.release(theLane.EndpointID)
			c := m.claimers[0]
			require.NoError(t, c.reader.pass(t.Context()))
			for range 3 {
				m.take(0)
			}
			require.Len(t, m.working, 3)
			m.hold(theLane.EndpointID)
			m.finishAll()
			if closed {
				open, err := m.lanes.List(t.Context())
				require.NoError(t, err)
				_, err = m.lanes.Close(t.Context(), theLane, open[theLane])
				require.NoError(t, err)
			}
			m.release(theLane.EndpointID)
			for range 3 {
				require.NoError(t, c.reader.pass(t.Context()))
				m.take(0)
			}
			require.Len(t, m.working, 3)
		})
	}
}
