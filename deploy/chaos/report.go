package chaos

import (
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// Report is what came of a run.
type Report struct {
	Options Options
	audit.Result
	// Problems is what the harness noticed itself, beside the audit's Findings.
	Problems []string
	// Slow is the limits that were missed.
	Slow    []string
	Waiting BackInQueue
	// Times is how often each fault was done.
	Times     map[audit.Kind]int
	Leftovers Leftovers
	Gauges    []Gauge
	// Refusals is how often publishing had to be tried again.
	Refusals int
	// SlowestWithoutRedis is the longest that a publication took while Redis was away, PublishMedian the median of all.
	SlowestWithoutRedis, PublishMedian time.Duration
	Took                               time.Duration
}

// Violations is how many promises were broken.
func (r *Report) Violations() int { return len(r.Findings) + len(r.Problems) }

// OK says whether the run kept every promise, in time where that is judged.
func (r *Report) OK() bool { return r.Violations() == 0 && r.Lost == 0 && len(r.Slow) == 0 }

// judge says which limits were missed.
func judge(r *Report) (slow []string) {
	if !r.Options.judges() {
		return nil
	}
	miss := func(what string, took, limit time.Duration) {
		if took > limit {
			slow = append(slow, fmt.Sprintf("%s: %.1f s, and not within %.0f s", what, took.Seconds(), limit.Seconds()))
		}
	}
	for _, recovery := range r.Recoveries {
		if recovery.Waiting > 0 {
			miss("first send after "+string(recovery.Kind), recovery.First, limitOf(recovery.Kind))
		}
	}
	miss("an orphaned attempt was made again", longest(r.Remade), orphanLimit)
	if r.Waiting.Waiting > 0 {
		allowed := queueLimit
		if r.Waiting.Waiting > queueWaiting {
			allowed = queueLimit * time.Duration(r.Waiting.Waiting) / queueWaiting
		}
		miss("what waits was back in the queue", r.Waiting.After, allowed)
	}
	return slow
}

func limitOf(kind audit.Kind) time.Duration {
	if kind == audit.PostgresStopped || kind == audit.PostgresPartitioned {
		return postgresLimit
	}
	return redisLimit
}

func longest(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return slices.Max(times)
}

// slowest is the longest time to the first send after a fault of one of the kinds.
func (r *Report) slowest(kinds ...audit.Kind) (slowest time.Duration) {
	for _, recovery := range r.Recoveries {
		if recovery.Of(kinds...) && recovery.Waiting > 0 {
			slowest = max(slowest, recovery.First)
		}
	}
	return slowest
}
