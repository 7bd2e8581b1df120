package chaos

import (
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// Report is the result of a run.
type Report struct {
	Options Options
	audit.Result
	// Tolerance is the one of the audit.
	Tolerance int
	// Problems are those that the harness found itself, beside the audit's Findings.
	Problems []string
	// Slow are the limits that were missed.
	Slow    []string
	Waiting BackInQueue
	// Times is the number of times that each fault was injected.
	Times     map[audit.Kind]int
	Leftovers Leftovers
	Gauges    []Gauge
	// Floods describes the organizations that flooded.
	Floods string
	// Refusals is the number of publications that were repeated.
	Refusals int
	// SlowestWithoutRedis is the longest publication while Redis was unavailable, and PublishMedian the median of all.
	SlowestWithoutRedis, PublishMedian time.Duration
	Took                               time.Duration
}

// Violations is the number of broken promises.
func (r *Report) Violations() int { return len(r.Findings) + len(r.Problems) }

// OK reports whether the run kept every promise, in time if limits apply.
func (r *Report) OK() bool { return r.Violations() == 0 && r.Lost == 0 && len(r.Slow) == 0 }
