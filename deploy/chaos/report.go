package chaos

import (
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
	// Floods says which organizations flooded.
	Floods string
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
