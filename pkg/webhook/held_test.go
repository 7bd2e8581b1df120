package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestEndpointStates(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*webhook.Endpoint)
		held   bool
		err    error
	}{
		"active":              {func(*webhook.Endpoint) {}, false, nil},
		"paused":              {func(e *webhook.Endpoint) { e.PausedAt = noon }, true, nil},
		"disabled":            {func(e *webhook.Endpoint) { e.Status = webhook.EndpointDisabled }, false, webhook.ErrEndpointDisabled},
		"disabled and paused": {func(e *webhook.Endpoint) { e.Status, e.PausedAt = webhook.EndpointDisabled, noon }, false, webhook.ErrEndpointDisabled},
		"deleted and paused":  {func(e *webhook.Endpoint) { e.DeletedAt, e.PausedAt = noon, noon }, false, webhook.ErrEndpointDeleted},
		"deleted and disabled": {func(e *webhook.Endpoint) {
			e.DeletedAt, e.Status = noon, webhook.EndpointDisabled
		}, false, webhook.ErrEndpointDeleted},
	} {
		e := webhook.Endpoint{Status: webhook.EndpointActive}
		c.change(&e)
		assert.Equal(t, c.held, e.Holds(webhook.Delivery{}), name)
		assert.False(t, e.Holds(webhook.Delivery{Test: true}), name)
		e.OrganizationDeleted = true
		assert.True(t, e.Holds(webhook.Delivery{}), "%s in a deleted organization", name)
		assert.True(t, e.Holds(webhook.Delivery{Test: true}), "%s in a deleted organization", name)
		require.ErrorIs(t, e.TakesDeliveries(), c.err, name)
	}
}

func TestPausingKeepsFirstTime(t *testing.T) {
	var e webhook.Endpoint
	require.NoError(t, webhook.Pausing("key_1", noon).Apply(&e))
	require.NoError(t, webhook.Pausing("key_1", noon.Add(time.Hour)).Apply(&e))
	assert.Equal(t, noon, e.PausedAt)
	require.NoError(t, webhook.Resuming("key_1", noon.Add(time.Hour)).Apply(&e))
	assert.True(t, e.PausedAt.IsZero())
	require.NoError(t, webhook.Deleting("key_1", noon).Apply(&e))
	assert.Equal(t, noon, e.DeletedAt)
}

// The API answers a pause or a deletion within a second, after every dispatcher has stopped to use the row before it.
func TestEndpointSettledIsAfterFreshAndWithinASecond(t *testing.T) {
	assert.Greater(t, webhook.EndpointSettled, webhook.EndpointFresh)
	assert.Less(t, webhook.EndpointSettled, time.Second)
}
