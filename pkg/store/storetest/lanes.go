package storetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

func testReadLanes(t *testing.T, s *store.Store) {
	w := newWorld(t, s)
	_, first := w.publish()
	_, second := w.publish()
	_, ended := w.publish()
	w.attempt(ended, 200)
	second, _ = w.attempt(second, 500)
	_, third := w.publish()
	if third.ID < first.ID { // both are due at the same time
		first, third = third, first
	}
	lane := first.Lane()

	lanes, err := s.ReadLanes(w.ctx, []store.LaneCursor{{Lane: lane}, {Lane: webhook.Lane{OrganizationID: org, EndpointID: "ep_none"}}}, 10)
	require.NoError(t, err)
	require.Len(t, lanes, 2)
	assert.Equal(t, []string{first.ID, third.ID, second.ID}, dueIDs(lanes[0]), "by due time, then by ID, the retry last")
	assert.Empty(t, lanes[1])
	assert.Equal(t, store.Due{ID: second.ID, Status: webhook.StatusRetrying, Queue: second.Queue, Lane: lane, NextRetryAt: second.NextRetryAt}, lanes[0][2])

	lanes, err = s.ReadLanes(w.ctx, []store.LaneCursor{
		{Lane: lane, After: third.Position()}, {Lane: lane, After: first.Position()}, {Lane: lane, After: second.Position()},
	}, 1)
	require.NoError(t, err)
	require.Len(t, lanes, 3)
	assert.Equal(t, []string{second.ID}, dueIDs(lanes[0]))
	assert.Equal(t, []string{third.ID}, dueIDs(lanes[1]), "no more than asked for")
	assert.Empty(t, lanes[2])

	lane.Priority = webhook.PriorityBulk
	lanes, err = s.ReadLanes(w.ctx, []store.LaneCursor{{Lane: lane}}, 10)
	require.NoError(t, err)
	assert.Empty(t, lanes[0], "another priority is another lane")

	lanes, err = s.ReadLanes(w.ctx, nil, 10)
	require.NoError(t, err)
	assert.Empty(t, lanes)
}

func testListLanes(t *testing.T, s *store.Store) {
	none, err := s.ListLanes(t.Context(), webhook.Lane{}, 10)
	require.NoError(t, err)
	assert.Empty(t, none)

	w := newWorld(t, s)
	var want []webhook.Lane
	for range 5 {
		_, d := newWorld(t, s).publish()
		want = append(want, d.Lane())
	}
	_, ended := w.publish()
	w.attempt(ended, 200)
	retried := w.failed()
	_, err = s.RetryDelivery(w.ctx, org, retried.ID, start.Add(time.Hour))
	require.NoError(t, err)
	_, live := w.publish()
	lane := live.Lane()
	head := lane
	head.Priority = webhook.PriorityHead
	want = append(want, head, lane)

	all, err := s.ListLanes(w.ctx, webhook.Lane{}, 100)
	require.NoError(t, err)
	assert.ElementsMatch(t, want, all)

	foreign, err := s.ListLanesOf(w.ctx, other, webhook.Lane{}, 100)
	require.NoError(t, err)
	assert.Empty(t, foreign)
	for after := (webhook.Lane{}); ; {
		page, err := s.ListLanesOf(w.ctx, org, after, 2)
		require.NoError(t, err)
		foreign = append(foreign, page...)
		if len(page) < 2 {
			break
		}
		after = page[1]
	}
	assert.Equal(t, all, foreign, "all lanes are of one organization")

	var walked []webhook.Lane
	for after := (webhook.Lane{}); ; {
		page, err := s.ListLanes(w.ctx, after, 2)
		require.NoError(t, err)
		if len(page) == 0 {
			break
		}
		walked = append(walked, page...)
		after = page[len(page)-1]
	}
	assert.Equal(t, all, walked)
}

func dueIDs(due []store.Due) []string {
	ids := make([]string, len(due))
	for i, d := range due {
		ids[i] = d.ID
	}
	return ids
}
