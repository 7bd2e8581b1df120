package claim

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

func anyRoom(string) int { return math.MaxInt / 2 }

func laneOf(organization, endpoint string, priority webhook.Priority) webhook.Lane {
	return webhook.Lane{OrganizationID: organization, EndpointID: endpoint, Priority: priority}
}

// fill opens a lane with n deliveries.
func (c *chooser) fill(id webhook.Lane, n int) {
	l := c.open(id)
	for i := range n {
		position := webhook.Position{DueAt: time.Unix(int64(i), 0), DeliveryID: fmt.Sprintf("%s-%s-%03d", id.OrganizationID, id.EndpointID, i)}
		l.rows = append(l.rows, queue.Candidate{Lane: id, Position: position})
	}
}

// take chooses n and has all of them claimed.
func (c *chooser) take(n int) []queue.Candidate {
	chosen := c.choose(n)
	fates := make([]queue.Fate, len(chosen))
	for i, candidate := range chosen {
		fates[i] = queue.Claimed
		c.begin(candidate.Lane)
	}
	c.settle(chosen, fates)
	return chosen
}

func count[K comparable](chosen []queue.Candidate, by func(webhook.Lane) K) map[K]int {
	counts := map[K]int{}
	for _, candidate := range chosen {
		counts[by(candidate.Lane)]++
	}
	return counts
}

func byOrganization(l webhook.Lane) string { return l.OrganizationID }

func byEndpoint(l webhook.Lane) string { return l.EndpointID }

func TestChooseOrganizationWithFewestInFlightFirst(t *testing.T) {
	c := newChooser(anyRoom)
	c.fill(laneOf("a", "ep_a", 0), 100)
	c.take(30)
	c.fill(laneOf("b", "ep_b", 0), 100)
	assert.Equal(t, map[string]int{"b": 30}, count(c.take(30), byOrganization), "until b has as many")
	assert.Equal(t, map[string]int{"a": 5, "b": 5}, count(c.take(10), byOrganization))
	for range 20 {
		c.end(laneOf("a", "ep_a", 0))
	}
	assert.Equal(t, map[string]int{"a": 12}, count(c.take(12), byOrganization))
}

func TestChooseEndpointsInTurn(t *testing.T) {
	c := newChooser(anyRoom)
	for i := range 10 {
		c.fill(laneOf("a", fmt.Sprintf("ep_%d", i), 0), 100)
	}
	c.fill(laneOf("b", "ep_b", 0), 100)
	chosen := c.take(40)
	assert.Equal(t, map[string]int{"a": 20, "b": 20}, count(chosen, byOrganization), "endpoints do not multiply a share")
	for i := range 10 {
		assert.Equal(t, 2, count(chosen, byEndpoint)[fmt.Sprintf("ep_%d", i)])
	}
}

func TestChooseInLaneOrder(t *testing.T) {
	c := newChooser(anyRoom)
	c.fill(laneOf("a", "ep_a", 0), 6)
	var ids []string
	for _, candidate := range append(c.take(4), c.take(4)...) {
		ids = append(ids, candidate.Position.DeliveryID)
	}
	assert.IsIncreasing(t, ids)
	assert.Len(t, ids, 6)
	assert.Empty(t, c.take(1))
}

func TestChoosePriorities(t *testing.T) {
	c := newChooser(anyRoom)
	c.fill(laneOf("a", "ep_a", webhook.PriorityBulk), 100)
	c.fill(laneOf("a", "ep_a", webhook.PriorityLive), 100)
	c.fill(laneOf("a", "ep_a", webhook.PriorityHead), 5)
	chosen := c.take(50)
	for _, candidate := range chosen[:5] {
		assert.Equal(t, webhook.PriorityHead, candidate.Lane.Priority)
	}
	counts := count(chosen, func(l webhook.Lane) webhook.Priority { return l.Priority })
	assert.Equal(t, map[webhook.Priority]int{webhook.PriorityHead: 5, webhook.PriorityLive: 40, webhook.PriorityBulk: 5}, counts,
		"bulk gets a tenth of the share")
}

func TestChoosePassesOverEndpointWithoutRoom(t *testing.T) {
	rooms := map[string]int{"ep_full": 0, "ep_two": 2, "ep_free": 100}
	c := newChooser(func(id string) int { return rooms[id] })
	for id := range rooms {
		c.fill(laneOf("a", id, 0), 50)
	}
	assert.Equal(t, map[string]int{"ep_two": 2, "ep_free": 18}, count(c.take(20), byEndpoint))
	assert.Equal(t, map[string]int{"ep_free": 5}, count(c.take(5), byEndpoint), "those that were taken and did not enter yet count")
	c.entered("ep_two")
	assert.Equal(t, map[string]int{"ep_two": 1, "ep_free": 4}, count(c.take(5), byEndpoint))
}

// A candidate that a take did not reach is chosen again.
func TestSettleKeepsWhatWasNotReached(t *testing.T) {
	c := newChooser(anyRoom)
	c.fill(laneOf("a", "ep_a", 0), 10)
	first := c.choose(4)
	c.settle(first, []queue.Fate{queue.Claimed, queue.HasTask})
	assert.Equal(t, first[2:], c.choose(2))
}

func TestCloseLaneKeepsOthersInTurn(t *testing.T) {
	c := newChooser(anyRoom)
	for i := range 3 {
		c.fill(laneOf("a", fmt.Sprintf("ep_%d", i), 0), 10)
	}
	c.choose(2)
	c.close(laneOf("a", "ep_1", 0))
	assert.Equal(t, map[string]int{"ep_0": 5, "ep_2": 5}, count(c.take(10), byEndpoint))
	c.close(laneOf("a", "ep_0", 0))
	c.close(laneOf("a", "ep_2", 0))
	assert.Len(t, c.organizations, 1, "it has deliveries in flight")
	for range 10 {
		c.end(laneOf("a", "ep_0", 0))
	}
	assert.Empty(t, c.organizations)
}

// A lane that rests is passed over until its time, and others of the organization are not.
func TestChoosePassesOverRestingLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChooser(anyRoom)
		resting, other := laneOf("a", "ep_resting", 0), laneOf("a", "ep_other", 0)
		c.fill(resting, 20)
		c.fill(other, 20)
		c.rest(resting, time.Now().Add(2*time.Second))
		c.rest(resting, time.Now().Add(time.Second)) // an earlier time changes nothing
		assert.Equal(t, map[string]int{"ep_other": 10}, count(c.take(10), byEndpoint))
		time.Sleep(2*time.Second - time.Nanosecond)
		assert.Equal(t, map[string]int{"ep_other": 2}, count(c.take(2), byEndpoint))
		time.Sleep(time.Nanosecond)
		assert.Equal(t, map[string]int{"ep_other": 2, "ep_resting": 2}, count(c.take(4), byEndpoint))
		assert.Empty(t, c.resting, "it is forgotten")
	})
}
