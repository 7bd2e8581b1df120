package claim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/store"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

// The model runs random steps of publishers, dispatchers and faults over the real scripts in Redis, one at a time. Two workers never have
// the same delivery, except after Redis was emptied. In the end every delivery is made.

const queueName = webhook.QueueDeliveries

// row is a delivery of the model's database.
type row struct {
	lane      webhook.Lane
	position  webhook.Position
	committed bool
	ended     bool
	status    webhook.Status
}

// database keeps rows in memory. The lanes of held endpoints are empty, as those of paused ones are.
type database struct {
	rows []*row
	held map[string]bool
}

func (d *database) ReadLanes(_ context.Context, cursors []store.LaneCursor, limit int) ([][]store.Due, error) {
	lanes := make([][]store.Due, len(cursors))
	for i, c := range cursors {
		var found []*row
		for _, r := range d.rows {
			if r.committed && !r.ended && !d.held[r.lane.EndpointID] && r.lane == c.Lane && r.position.After(c.After) {
				found = append(found, r)
			}
		}
		slices.SortFunc(found, func(a, b *row) int {
			if a.position.After(b.position) {
				return 1
			}
			return -1
		})
		for _, r := range found[:min(limit, len(found))] {
			lanes[i] = append(lanes[i], store.Due{ID: r.position.DeliveryID, Status: r.status, Queue: queueName, NextRetryAt: r.position.DueAt})
		}
	}
	return lanes, nil
}

// machine is the state of the model.
type machine struct {
	t        *testing.T
	random   *rand.Rand
	redis    redis.UniversalClient
	enqueuer *queue.Enqueuer
	lanes    *queue.Lanes
	database *database
	claimers []*Claimer
	byID     map[string]*row
	working  map[string]int  // deliveries that a worker has, and of which claimer
	flushed  map[string]bool // those that had a worker when Redis was emptied
	clock    time.Time
}

func newMachine(t *testing.T, seed uint64, dispatchers int) *machine {
	t.Helper()
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	m := &machine{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), redis: client, enqueuer: queue.NewEnqueuer(client), lanes: queue.NewLanes(client),
		database: &database{held: map[string]bool{}}, byID: map[string]*row{}, working: map[string]int{}, flushed: map[string]bool{}, clock: webhook.Now().Add(-time.Hour),
	}
	for range dispatchers {
		m.claimers = append(m.claimers, New(Options{
			Lanes: m.lanes, Store: m.database, Queue: queueName, Workers: 30, Log: slog.New(slog.DiscardHandler),
			Room: func(string) int { return 10 },
		}))
	}
	return m
}

func (m *machine) step() {
	switch m.random.IntN(24) {
	case 0, 1, 2, 3, 4:
		m.publish()
	case 5:
		m.commitLate()
	case 6, 7, 8:
		require.NoError(m.t, m.claimer().reader.pass(m.t.Context()))
	case 9, 10, 11, 12:
		m.take(m.random.IntN(len(m.claimers)))
	case 13, 14, 15, 16, 17, 18:
		m.finish()
	case 19:
		if m.random.IntN(40) == 0 {
			m.flush()
		}
	case 20:
		m.hold(m.endpoint(m.random.IntN(organizations)))
	case 21:
		m.holdBriefly(m.endpoint(m.random.IntN(organizations)))
	case 22, 23:
		for endpoint := range m.database.held {
			m.release(endpoint)
			break
		}
	}
}

const organizations = 3

// endpoint returns an endpoint of an organization.
func (m *machine) endpoint(organization int) string {
	return fmt.Sprint("ep_", organization, "_", m.random.IntN(2))
}

// hold empties the endpoint's lanes for readers. Workers give back its deliveries.
func (m *machine) hold(endpoint string) { m.database.held[endpoint] = true }

// holdBriefly holds an endpoint until all workers are done. No dispatcher reads the lanes meanwhile.
func (m *machine) holdBriefly(endpoint string) {
	m.hold(endpoint)
	m.finishAll()
	m.release(endpoint)
}

// release ends a hold, and opens the endpoint's lanes as the API does.
func (m *machine) release(endpoint string) {
	delete(m.database.held, endpoint)
	organization, _, _ := strings.Cut(strings.TrimPrefix(endpoint, "ep_"), "_")
	var lanes []webhook.Lane
	for priority := webhook.PriorityHead; priority <= webhook.PriorityBulk; priority++ {
		lanes = append(lanes, webhook.Lane{OrganizationID: "org_" + organization, EndpointID: endpoint, Priority: priority})
	}
	require.NoError(m.t, m.lanes.Open(m.t.Context(), lanes))
}

func (m *machine) claimer() *Claimer { return m.claimers[m.random.IntN(len(m.claimers))] }

// publish writes a delivery. Some commit later than others with a later time, and of some the enqueue is lost.
func (m *machine) publish() {
	organization := m.random.IntN(organizations)
	for range 1 + m.random.IntN(40)*max(0, 1-organization) { // the first organization floods
		m.clock = m.clock.Add(time.Millisecond)
		r := m.write(webhook.Lane{
			OrganizationID: fmt.Sprint("org_", organization), EndpointID: m.endpoint(organization),
			Priority: webhook.Priority(m.random.IntN(3) - 1),
		}, m.clock)
		if m.random.IntN(5) > 0 {
			m.commit(r)
		}
	}
}

// write writes a pending delivery that is not committed.
func (m *machine) write(lane webhook.Lane, due time.Time) *row {
	r := &row{lane: lane, position: webhook.Position{DueAt: due, DeliveryID: webhook.NewID(webhook.KindDelivery, due)}, status: webhook.StatusPending}
	m.database.rows, m.byID[r.position.DeliveryID] = append(m.database.rows, r), r
	return r
}

func (m *machine) commit(r *row) {
	r.committed = true
	if m.random.IntN(30) > 0 {
		m.enqueue(r)
	}
}

func (m *machine) enqueue(r *row) {
	_, err := m.enqueuer.Enqueue(m.t.Context(), queue.Item{DeliveryID: r.position.DeliveryID, Queue: queueName, Lane: r.lane, Position: r.position})
	require.NoError(m.t, err)
}

func (m *machine) commitLate() {
	for _, r := range m.database.rows {
		if !r.committed && m.random.IntN(2) == 0 {
			m.commit(r)
		}
	}
}

func (m *machine) take(i int) {
	c := m.claimers[i]
	_, err := c.look(m.t.Context(), 1+m.random.IntN(takeAtOnce))
	require.NoError(m.t, err)
	for _, taken := range c.ready {
		other, has := m.working[taken.DeliveryID]
		require.False(m.t, has && !m.flushed[taken.DeliveryID], "%s is claimer %d's already", taken.DeliveryID, other)
		m.working[taken.DeliveryID] = i
		c.Entered(taken.DeliveryID)
	}
	c.ready = nil
}

// finish ends a delivery, unless its endpoint is held, and acknowledges its task.
func (m *machine) finish() {
	for id, i := range m.working {
		m.byID[id].ended = !m.database.held[m.byID[id].lane.EndpointID]
		delete(m.working, id)
		m.claimers[i].Done(id)
		require.NoError(m.t, queuetest.Remove(m.t.Context(), m.redis, queueName, id))
		return
	}
}

func (m *machine) finishAll() {
	for len(m.working) > 0 {
		m.finish()
	}
}

// flush empties Redis, and rebuilds it as the reconciler does.
func (m *machine) flush() {
	require.NoError(m.t, m.redis.FlushAll(m.t.Context()).Err())
	for id := range m.working {
		m.flushed[id] = true
	}
	open := map[webhook.Lane]bool{}
	var lanes []webhook.Lane
	for _, r := range m.database.rows {
		if r.committed && !r.ended && !open[r.lane] {
			open[r.lane] = true
			lanes = append(lanes, r.lane)
		}
	}
	require.NoError(m.t, m.lanes.Open(m.t.Context(), lanes))
}

// sweep runs a pass of a reader with a sweep.
func (m *machine) sweep(c *Claimer) {
	c.reader.sweepAt = time.Time{}
	require.NoError(m.t, c.reader.pass(m.t.Context()))
}

// reconcile enqueues what waits without a task and outside of any lane in backlog.
func (m *machine) reconcile() {
	open, err := m.lanes.List(m.t.Context())
	require.NoError(m.t, err)
	for _, r := range m.database.rows {
		state, inBacklog := open[r.lane]
		if !r.ended && (!inBacklog || !state.Behind(r.position)) {
			m.enqueue(r)
		}
	}
}

// settle runs without faults until all deliveries are done.
func (m *machine) settle() {
	for endpoint := range m.database.held {
		m.release(endpoint)
	}
	for _, r := range m.database.rows {
		r.committed = true
	}
	for range 100 {
		m.reconcile()
		for i, c := range m.claimers {
			for range 30 {
				m.sweep(c)
				m.take(i)
				m.finishAll()
			}
		}
		if !slices.ContainsFunc(m.database.rows, func(r *row) bool { return !r.ended }) {
			return
		}
	}
	for _, r := range m.database.rows {
		require.True(m.t, r.ended, "%s was never made: %+v", r.position.DeliveryID, r.lane)
	}
}

func TestEveryDeliveryIsClaimedOnce(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, seed, 1+int(seed%3))
			for range 1000 {
				m.step()
			}
			m.settle()
			for _, c := range m.claimers {
				m.sweep(c)
				require.NoError(t, c.reader.pass(t.Context()))
			}
			open, err := m.lanes.List(t.Context())
			require.NoError(t, err)
			require.Empty(t, open, "lanes without deliveries are closed")
		})
	}
}
