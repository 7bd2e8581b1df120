package storetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// publication returns an event with deliveries, which is not stored.
func (w world) publication(deliveries int) webhook.Publication {
	spec := webhook.EventSpec{Type: "run.finished", WorkflowID: "wf", RunID: "run", ExecutionID: "exec", Data: json.RawMessage(`{"b":1.50,"é":"\u0000"}`)}
	p := webhook.Publication{Event: webhook.NewEvent(org, spec, start)}
	for range deliveries {
		p.Deliveries = append(p.Deliveries, webhook.NewDelivery(p.Event, w.endpoint, start))
	}
	return p
}

func (w world) kept(p webhook.Publication) {
	w.t.Helper()
	for _, d := range p.Deliveries {
		record := w.find(d.ID)
		require.Equal(w.t, d, record.Delivery)
		require.Equal(w.t, p.Event, record.Event)
	}
}

func testEventsTogether(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	publications := []webhook.Publication{w.publication(2), w.publication(0), w.publication(1), w.publication(1_500), w.publication(1_000)}
	for i, err := range s.CreateEvents(w.ctx, publications) {
		require.NoError(t, err, "event %d", i)
	}
	w.kept(publications[0])
	w.kept(publications[2])
	for _, p := range publications[3:] {
		last := p.Deliveries[len(p.Deliveries)-1]
		assert.Equal(t, last, w.find(last.ID).Delivery)
	}
	lonely := webhook.NewDelivery(publications[1].Event, w.endpoint, start)
	require.NoError(t, s.CreateDelivery(w.ctx, lonely), "an event that nobody subscribes to is kept too")
	assert.Empty(t, s.CreateEvents(w.ctx, nil))
}

// testEventsApart creates events of which the database refuses one. Nothing of that event is stored, and all of the others.
func testEventsApart(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, taken := w.publish()
	publications := []webhook.Publication{w.publication(1), w.publication(2), w.publication(1)}
	publications[1].Deliveries[1].ID = taken.ID
	failures := s.CreateEvents(w.ctx, publications)
	require.NoError(t, failures[0])
	require.Error(t, failures[1])
	require.NoError(t, failures[2])
	w.kept(publications[0])
	w.kept(publications[2])
	_, err := s.FindDelivery(w.ctx, org, publications[1].Deliveries[0].ID)
	requireNotFound(t, err)

	alone := s.CreateEvents(w.ctx, []webhook.Publication{{Event: publications[0].Event}})
	require.Len(t, alone, 1)
	require.Error(t, alone[0], fmt.Sprintf("%s is there already", publications[0].Event.ID))
}

// testEventEndedDelivery inserts a delivery whose status is terminal, which has no due time.
func testEventEndedDelivery(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	p := w.publication(2)
	failed, err := p.Deliveries[0].Failed(webhook.FailureEndpointDisabled, start)
	require.NoError(t, err)
	p.Deliveries[0] = failed
	require.NoError(t, s.CreateEvent(w.ctx, p.Event, p.Deliveries))
	w.kept(p)
}
