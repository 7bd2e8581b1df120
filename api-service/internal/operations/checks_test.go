package operations_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/operations"
	"redrive/pkg/guides"
	"redrive/pkg/queue"
)

// states are the states of the checks by name.
func states(v operations.Overview) map[string]operations.State {
	found := map[string]operations.State{}
	for _, c := range v.Checks {
		found[c.Name] = c.State
	}
	return found
}

func TestChecksSayWhatIsNotKnown(t *testing.T) {
	const ok, failed, unknown = operations.StateOK, operations.StateFailed, operations.StateUnknown
	for name, c := range map[string]struct {
		fails []string
		want  map[string]operations.State
	}{
		"PostgreSQL": {[]string{"database", "keys"}, map[string]operations.State{
			"database": failed, "storage": unknown, "keys": unknown, "redis": ok, "queue": ok, "dispatchers": ok,
		}},
		"disk": {[]string{"storage"}, map[string]operations.State{
			"database": ok, "storage": failed, "keys": ok, "redis": ok, "queue": ok, "dispatchers": ok,
		}},
		"keys": {[]string{"keys"}, map[string]operations.State{
			"database": ok, "storage": ok, "keys": failed, "redis": ok, "queue": ok, "dispatchers": ok,
		}},
		"Redis": {[]string{"redis", summaries}, map[string]operations.State{
			"database": ok, "storage": ok, "keys": ok, "redis": failed, "queue": unknown, "dispatchers": unknown,
		}},
		"paused": {[]string{"queue"}, map[string]operations.State{
			"database": ok, "storage": ok, "keys": ok, "redis": ok, "queue": failed, "dispatchers": ok,
		}},
		"summaries alone": {[]string{summaries}, map[string]operations.State{
			"database": ok, "storage": ok, "keys": ok, "redis": ok, "queue": ok, "dispatchers": unknown,
		}},
	} {
		w := full()
		w.fails = map[string]error{}
		for _, what := range c.fails {
			w.fails[what] = errBroken
		}
		v, _ := overview(t, w)
		assert.Equal(t, c.want, states(v), name)
		for _, check := range v.Checks {
			switch check.State {
			case failed:
				assert.Equal(t, errBroken.Error(), check.Message, "%s: %s", name, check.Name)
			case unknown:
				assert.Contains(t, check.Message, "not known while", "%s: %s", name, check.Name)
			case ok:
			}
		}
	}
}

func TestDispatchersCheckNeedsOneThatStartsAttempts(t *testing.T) {
	running, stopping, stalled := queue.NamedSummary{}, queue.NamedSummary{}, queue.NamedSummary{}
	stopping.Dispatcher.Stopping = true
	stalled.Dispatcher.Stalled = "it lacks resources"
	for name, c := range map[string]struct {
		summaries []queue.NamedSummary
		want      operations.State
		message   string
	}{
		"none":           {nil, operations.StateFailed, "no dispatcher has reported within 8 s: start one"},
		"all stop":       {[]queue.NamedSummary{stopping, stopping}, operations.StateFailed, "all dispatchers are stopping"},
		"all stalled":    {[]queue.NamedSummary{stalled, stopping}, operations.StateFailed, "1 running, and none starts attempts"},
		"one is stalled": {[]queue.NamedSummary{stalled, running}, operations.StateOK, "2 running, of which 1 start no attempts"},
		"running":        {[]queue.NamedSummary{running, stopping, running}, operations.StateOK, "2 running"},
	} {
		v, _ := overview(t, &world{summaries: c.summaries})
		check := v.Checks[len(v.Checks)-1]
		assert.Equal(t, operations.CheckDispatchers, check.Name)
		assert.Equal(t, []any{c.want, c.message}, []any{check.State, check.Message}, name)
	}
}

// TestCheckHangsOthersAnswer gives up after 2 s, also if the probe does not heed its context.
func TestCheckHangsOthersAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.hangs = map[string]bool{"redis": true}
		o := w.operations()
		v, err := o.Overview(t.Context())
		require.NoError(t, err)
		assert.Equal(t, operations.StateFailed, states(v)["redis"])
		assert.Equal(t, operations.StateOK, states(v)["database"])
		o.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		w := full()
		w.takes = 10 * time.Second // of every read, without regard to its context
		checks := w.checks()
		o := operations.New(full(), full(), full(), operations.Options{Checks: checks})
		began := time.Now()
		v, err := o.Overview(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2*time.Second, time.Since(began))
		assert.Equal(t, operations.StateFailed, states(v)["database"])
		assert.Contains(t, v.Checks[0].Message, "no answer within 2s")
		o.Close()
		time.Sleep(10 * time.Second) // the probes end
	})
}

// TestRunbooksAreInTheGuide looks for the heading of each section.
func TestRunbooksAreInTheGuide(t *testing.T) {
	text := ""
	for _, guide := range guides.All() {
		if guide.Name == "operations" {
			content, err := guide.Markdown()
			require.NoError(t, err)
			text = string(content)
		}
	}
	anchors := map[string]bool{}
	for line := range strings.Lines(text) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchors[guides.Anchor(strings.TrimSpace(heading))] = true
		}
	}
	v, _ := overview(t, full())
	require.Len(t, v.Checks, 6)
	for _, c := range v.Checks {
		path, anchor, _ := strings.Cut(c.Runbook, "#")
		assert.Equal(t, "/docs/guides/operations", path, c.Name)
		assert.True(t, anchors[anchor], "%s: no section %q", c.Name, anchor)
		assert.NotEmpty(t, c.Title, c.Name)
	}
}
