package chaos_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos"
)

// TestAlertsFireLive evaluates the expressions of the alerts over the metrics of the services during two faults.
func TestAlertsFireLive(t *testing.T) {
	t.Parallel()
	alerts, err := chaos.CheckAlerts(t.Context(), true)
	require.NoError(t, err)
	var names []string
	for _, alert := range alerts {
		names = append(names, alert.Name)
		t.Logf("%s after %s", alert.Name, alert.After)
	}
	assert.Equal(t, []string{"RedriveQueuePaused", "RedriveNoAnswers"}, names)
}
