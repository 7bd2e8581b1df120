package app

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/operations"
	"redrive/pkg/egress"
	"redrive/pkg/queue"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

// TestOverviewReadsRealServers has the checks of /readyz, and that of the dispatchers.
func TestOverviewReadsRealServers(t *testing.T) {
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	o := Options{
		Store: storetest.NewPostgres(t), Redis: client, Guard: egress.New(egress.Config{}),
		Log: slog.New(slog.DiscardHandler),
	}
	p := newParts(o, prometheus.NewRegistry())
	t.Cleanup(p.close)
	v, err := p.operations.Overview(t.Context())
	require.NoError(t, err)
	require.NoError(t, v.StoreErr)
	require.NoError(t, v.RedisErr)
	require.NoError(t, v.Minutes.Err)
	assert.Len(t, v.Minutes.Counts, queue.MinutesShown)
	require.Len(t, v.Checks, len(p.checks)+1)
	for i, check := range p.checks {
		assert.Equal(t, check.Name, v.Checks[i].Name)
		assert.Equal(t, operations.StateOK, v.Checks[i].State, check.Name)
		assert.NotEmpty(t, v.Checks[i].Title, "%s: describe it in package operations", check.Name)
	}
	assert.Equal(t, operations.StateFailed, v.Checks[len(p.checks)].State, "no dispatcher runs")
}
