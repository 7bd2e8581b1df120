package operations

import (
	"context"
	"fmt"
	"sync"

	"redrive/pkg/observe"
	"redrive/pkg/queue"
)

// The names of checks, as /readyz has them.
const (
	CheckDatabase    = "database"
	CheckStorage     = "storage"
	CheckReplica     = "replica" // only if one is configured
	CheckKeys        = "keys"
	CheckRedis       = "redis"
	CheckQueue       = "queue"
	CheckDispatchers = "dispatchers" // of the overview alone: an API without a dispatcher is ready
)

// guide is the page that the runbooks are on.
const guide = "/docs/guides/operations"

// described is what a check looks like to people.
type described struct {
	title, runbook string
	// needs is the check without which this one has no result.
	needs string
}

var descriptions = map[string]described{
	CheckDatabase:    {"PostgreSQL", guide + "#postgresql-is-down", ""},
	CheckStorage:     {"Disk of PostgreSQL", guide + "#its-disk-is-full", CheckDatabase},
	CheckReplica:     {"Replica of PostgreSQL", guide + "#the-replica-lags-or-is-away", CheckDatabase},
	CheckKeys:        {"Keys of secrets", guide + "#secrets_key-lacks-a-key", CheckDatabase},
	CheckRedis:       {"Redis", guide + "#redis-is-down-lost-or-emptied", ""},
	CheckQueue:       {"Queue", guide + "#the-queue-is-paused", CheckRedis},
	CheckDispatchers: {"Dispatchers", guide + "#a-process-is-missing", CheckRedis},
}

// probed is the result of a probe.
type probed struct {
	name string
	err  error
}

// probe runs the probes in parallel. A probe that does not return before ctx ends has failed with the error of ctx.
func (o *Operations) probe(ctx context.Context) []probed {
	results := make([]probed, len(o.options.Checks))
	var probes sync.WaitGroup
	for i, check := range o.options.Checks {
		probes.Go(func() { results[i] = probed{check.Name, run(ctx, check)} })
	}
	probes.Wait()
	return results
}

func run(ctx context.Context, check observe.Check) error {
	result := make(chan error, 1)
	go func() { result <- check.Probe(ctx) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer within %s: %w", partTimeout, ctx.Err())
	}
}

// checks returns the checks with that of the dispatchers.
func checks(results []probed, summaries []queue.NamedSummary, summariesErr error) []Check {
	failed := map[string]bool{}
	for _, r := range results {
		failed[r.name] = r.err != nil
	}
	found := make([]Check, 0, len(results)+1)
	for _, r := range results {
		c := checkOf(r.name, failed)
		if c.State == StateOK && r.err != nil {
			c.State, c.Message = StateFailed, r.err.Error()
		}
		found = append(found, c)
	}
	failed[CheckRedis] = failed[CheckRedis] || summariesErr != nil
	c := checkOf(CheckDispatchers, failed)
	if c.State == StateOK {
		c.State, c.Message = stateOf(summaries)
	}
	return append(found, c)
}

// checkOf returns a check that is ok, or unknown if it needs a check that has failed.
func checkOf(name string, failed map[string]bool) Check {
	d := descriptions[name]
	c := Check{Name: name, Title: d.title, Runbook: d.runbook, State: StateOK}
	if d.needs != "" && failed[d.needs] {
		c.State, c.Message = StateUnknown, "not known while "+descriptions[d.needs].title+" does not answer"
	}
	return c
}

// stateOf returns the state of the dispatchers: failed unless one of them starts attempts.
func stateOf(summaries []queue.NamedSummary) (State, string) {
	running, stalled := 0, 0
	for _, s := range summaries {
		if s.Dispatcher.Stopping {
			continue
		}
		running++
		if s.Dispatcher.Stalled != "" {
			stalled++
		}
	}
	switch {
	case running == 0 && len(summaries) > 0:
		return StateFailed, "all dispatchers are stopping"
	case running == 0:
		return StateFailed, "no dispatcher has reported within 8 s: start one"
	case stalled == running:
		return StateFailed, fmt.Sprintf("%d running, and none starts attempts", running)
	case stalled > 0:
		return StateOK, fmt.Sprintf("%d running, of which %d start no attempts", running, stalled)
	}
	return StateOK, fmt.Sprintf("%d running", running)
}
