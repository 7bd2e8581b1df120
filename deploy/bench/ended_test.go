package bench

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestUntilPollsAgain(t *testing.T) {
	looks := 0
	require.NoError(t, until(t.Context(), "it runs", time.Hour, func(context.Context) (bool, error) {
		looks++
		return looks == 3, nil
	}))
	assert.Equal(t, 3, looks)
	require.ErrorIs(t, until(t.Context(), "it runs", time.Hour, func(context.Context) (bool, error) { return false, errRefused }), errRefused)
	require.ErrorContains(t, until(t.Context(), "it runs", 0, func(context.Context) (bool, error) { return false, nil }), "it runs after 0s")
}

func TestNoneWaitingAndNothingLeft(t *testing.T) {
	d, id, endpoint := failedDelivery(t)
	v := &services{database: d}
	require.NoError(t, noneWaiting(t.Context(), d, endpoint, time.Hour), "the only delivery has failed")
	_, err := d.store.RetryDelivery(t.Context(), organization, id, webhook.Now())
	require.NoError(t, err)
	require.Error(t, noneWaiting(t.Context(), d, endpoint, 0))

	require.NoError(t, v.nothingLeft(t.Context(), "another"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, v.nothingLeft(ctx, organization))
	require.NoError(t, d.exec(t.Context(), "DELETE FROM deliveries"))
	require.NoError(t, v.nothingLeft(t.Context(), organization, "deliveries"))
}
