package chaos_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos"
	"redrive/deploy/chaos/internal/audit"
)

// tolog writes the progress to the test's log.
type tolog struct{ *testing.T }

func (l tolog) Write(text []byte) (int, error) {
	l.Log(strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}

func run(t *testing.T, options chaos.Options) *chaos.Report {
	t.Helper()
	options.Progress = tolog{t}
	report, err := chaos.Run(t.Context(), options)
	require.NoError(t, err)
	var table strings.Builder
	report.Print(&table)
	t.Log(table.String(), chaos.Line([]*chaos.Report{report}))
	return report
}

// TestShort injects one of each fault during 2,000 deliveries. None of them may be lost.
func TestShort(t *testing.T) {
	t.Parallel()
	const seed = 7
	report := run(t, chaos.Options{Short: true, Seed: seed})
	assert.True(t, report.OK(), "the table says why")
	assert.Equal(t, 2000, report.Accepted)
	assert.Zero(t, report.ByCleanStops)
	for kind, times := range map[audit.Kind]int{
		audit.DispatcherStopped: 3, audit.APIStopped: 1, audit.DispatcherKilled: 3, audit.APIKilled: 1, audit.RedisKilled: 1, audit.RedisFlushed: 2,
		audit.RedisPartitioned: 1, audit.PostgresStopped: 1, audit.PostgresPartitioned: 1, audit.DispatcherFrozen: 1,
	} {
		assert.Equal(t, times, report.Times[kind], kind)
	}
	assert.NotZero(t, report.Unrecorded, "a dispatcher was killed in the midst of a request")
	assert.NotZero(t, report.Superseded, "a frozen dispatcher came too late")
}

// TestControls removes a safeguard, which the harness must detect. This shows that the checks can fail.
func TestControls(t *testing.T) {
	t.Parallel()
	for control, rule := range map[chaos.Control]string{
		chaos.NoReconciler: "lost",
		chaos.NoFencing:    "overwritten",
	} {
		t.Run(string(control), func(t *testing.T) {
			t.Parallel()
			const deliveries, seed = 300, 7
			report := run(t, chaos.Options{Control: control, Deliveries: deliveries, Seed: seed})
			assert.False(t, report.OK())
			assert.Contains(t, rules(report), rule)
			if control == chaos.NoReconciler {
				assert.NotZero(t, report.Lost)
			}
		})
	}
}

func rules(report *chaos.Report) map[string]int {
	rules := map[string]int{}
	for _, finding := range report.Findings {
		rules[finding.Rule]++
	}
	return rules
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]chaos.Options{
		"no such control":       {Control: "no-luck"},
		"too few dispatchers":   {Dispatchers: 1},
		"impossible deliveries": {Deliveries: -1},
	} {
		_, err := chaos.Run(t.Context(), options)
		require.Error(t, err, name)
	}
}
