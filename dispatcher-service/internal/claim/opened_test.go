package claim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/pkg/queue/queuetest"
	"redrive/pkg/webhook"
)

var theLane = webhook.Lane{OrganizationID: "org_0", EndpointID: "ep_0_0", Priority: webhook.PriorityLive}

// add writes a delivery of theLane that nobody enqueues, due a time after the clock.
func (m *machine) add(later time.Duration) *row {
	due := m.clock.Add(later)
	r := &row{lane: theLane, position: webhook.Position{DueAt: due, DeliveryID: webhook.NewID(webhook.KindDelivery, due)}, committed: true}
	m.database.rows, m.byID[r.position.DeliveryID] = append(m.database.rows, r), r
	return r
}

// turn runs a pass of the reader with a sweep, and a take.
func (m *machine) turn() {
	reader := m.claimers[0].reader
	reader.sweepAt = time.Time{}
	require.NoError(m.t, reader.pass(m.t.Context()))
	m.take(0)
}

// The only other delivery of the lane is a retry that is due in a day: the lane stays open, and the reconciler leaves it to the backlog.
func TestLostEnqueueBeforeRetryIsClaimed(t *testing.T) {
	m := newMachine(t, 0, 1)
	m.add(0)
	m.add(24 * time.Hour).retrying = true
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

// A late delivery is taken, its lane is opened again and read, and then the reply of the take arrives. The worker gives the delivery back.
func TestLaneOpenedAgainDuringTakeOfLateDelivery(t *testing.T) {
	m := newMachine(t, 0, 1)
	c, late := m.claimers[0], m.add(0)
	id := late.position.DeliveryID
	m.hold(theLane.EndpointID)
	m.release(theLane.EndpointID)
	m.turn()
	m.hold(theLane.EndpointID)
	m.finish()
	delete(m.database.held, theLane.EndpointID) // and its lane is not opened
	c.reader.sweepAt = time.Time{}
	require.NoError(t, c.reader.pass(t.Context()))

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

// A lane is claimed to its end and opened again, as by a pause and a resume, before the dispatcher reads its cursor once more.
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
			for len(m.working) > 0 {
				m.finish()
			}
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
