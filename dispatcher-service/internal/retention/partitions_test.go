package retention_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/testmetrics"
	"redrive/pkg/webhook"
)

// A month that is old enough is dropped, what waits in it is kept, and the month in which the retention time ends is left whole.
func TestRunDropsWholeMonths(t *testing.T) {
	t.Parallel()
	opened := storetest.NewPostgresByMonth(t)
	now := webhook.Now()
	april, may := time.Date(2024, 4, 20, 0, 0, 0, 0, time.UTC), time.Date(2024, 5, 20, 0, 0, 0, 0, time.UTC)
	endpoint := webhook.NewEndpoint("org_a", "", webhook.EndpointSpec{Name: "n", URL: "https://example.com"}, "whsec_a", april)
	publish := func(at time.Time, status webhook.Status) webhook.Delivery {
		event := webhook.NewEvent("org_a", webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, at)
		d := webhook.NewDelivery(event, endpoint, at)
		if d.Status = status; status == webhook.StatusFailure {
			d.NextRetryAt = time.Time{}
		}
		require.NoError(t, opened.CreateEvent(t.Context(), event, []webhook.Delivery{d}))
		return d
	}
	old, waiting, spared := publish(april, webhook.StatusFailure), publish(april, webhook.StatusPending), publish(may, webhook.StatusFailure)

	purger, registry := newPurger(opened, now.Sub(may.AddDate(0, 0, 5)))
	require.NoError(t, purger.Run(t.Context()))
	require.NoError(t, purger.Run(t.Context()), "again")
	layout, _, err := opened.MakePartitions(t.Context(), now)
	require.NoError(t, err)
	assert.Equal(t, "202405", layout.Parts[0].Suffix, "April was in the first partition")
	assert.Equal(t, float64(len(layout.Parts)), testmetrics.Sum(t, registry, "redrive_partitions"))
	assert.Equal(t, 1.0, testmetrics.Sum(t, registry, "redrive_purged_total", "delivery"))
	for d, found := range map[webhook.Delivery]bool{old: false, waiting: true, spared: true} {
		_, err := opened.FindDelivery(t.Context(), "org_a", d.ID)
		assert.Equal(t, found, err == nil, "%v", err)
	}
}
