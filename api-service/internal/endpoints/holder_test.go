package endpoints_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/endpoints"
	"redrive/pkg/webhook"
)

// opened records the lanes that were opened.
type opened struct {
	lanes []webhook.Lane
	err   error
}

func (o *opened) Open(_ context.Context, lanes []webhook.Lane) error {
	o.lanes = append(o.lanes, lanes...)
	return o.err
}

func newHolder(s *store, o *opened) *endpoints.Holder {
	return endpoints.NewHolder(s, o, slog.New(slog.DiscardHandler))
}

// A dispatcher may start an attempt for as long after the commit as it uses a row that it has read.
func TestPauseAndDeleteWaitUntilDispatchersUseTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, o := &store{}, &opened{}
		began := time.Now()
		paused, err := newHolder(s, o).Pause(t.Context(), by, "ep_1")
		require.NoError(t, err)
		assert.False(t, paused.PausedAt.IsZero())
		assert.Greater(t, time.Since(began), webhook.EndpointFresh)

		began = time.Now()
		deleted, err := newHolder(s, o).Delete(t.Context(), by, "ep_1")
		require.NoError(t, err)
		assert.False(t, deleted.DeletedAt.IsZero())
		assert.Greater(t, time.Since(began), webhook.EndpointFresh)
		assert.Less(t, time.Since(began), time.Second, "the promise of the contract")
		assert.Empty(t, o.lanes)
	})
}

func TestPauseRefusedReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := newHolder(&store{err: webhook.NotFound("endpoint", "ep_1")}, &opened{}).Pause(t.Context(), by, "ep_1")
		assert.Equal(t, webhook.CodeNotFound, webhook.CodeOf(err))
		assert.Zero(t, time.Since(began))
	})
}

func TestPauseCallerGoneReturnsError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newHolder(&store{}, &opened{}).Pause(ctx, by, "ep_1")
	require.ErrorIs(t, err, context.Canceled)
}

// lanesOfEndpoint are the lanes of the endpoint that the tests change.
func lanesOfEndpoint() (lanes []webhook.Lane) {
	for _, p := range []webhook.Priority{webhook.PriorityHead, webhook.PriorityLive, webhook.PriorityBulk} {
		lanes = append(lanes, webhook.Lane{OrganizationID: "org_a", EndpointID: "ep_1", Priority: p})
	}
	return lanes
}

func TestResumeOpensLanesOfAllPriorities(t *testing.T) {
	for _, redis := range []error{nil, errors.New("unavailable")} {
		s, o := &store{}, &opened{err: redis}
		resumed, err := newHolder(s, o).Resume(t.Context(), by, "ep_1")
		require.NoError(t, err, "the reconciler does what Redis did not")
		assert.True(t, resumed.PausedAt.IsZero())
		assert.Equal(t, lanesOfEndpoint(), o.lanes)
	}
}

// A paused lane is not read. The deliveries that wait in it have to be claimed, because they end when the endpoint is disabled.
func TestDisableOpensLanesOfPausedEndpoint(t *testing.T) {
	s, o := &store{}, &opened{}
	disabled, err := newHolder(s, o).Disable(t.Context(), by, "ep_1")
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointDisabled, disabled.Status)
	assert.Equal(t, webhook.DisabledManually, disabled.DisabledReason)
	assert.Empty(t, o.lanes, "the lanes of an endpoint that is not paused are read anyway")

	s.pausedAt = webhook.Now()
	_, err = newHolder(s, o).Disable(t.Context(), by, "ep_1")
	require.NoError(t, err)
	assert.Equal(t, lanesOfEndpoint(), o.lanes)
}
