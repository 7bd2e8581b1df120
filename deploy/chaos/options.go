package chaos

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/variant"
)

// Control is a safeguard that is removed from the dispatchers. Empty means none.
type Control = variant.Control

// The controls.
const (
	NoReconciler  = variant.NoReconciler
	NoFencing     = variant.NoFencing
	AsynqDefaults = variant.AsynqDefaults
)

// Controls are all controls.
func Controls() []Control { return slices.Clone(variant.Controls) }

// Options of a run.
type Options struct {
	// Deliveries is the number of deliveries that the API must accept. Defaults to 50,000; to 2,000 in a short run, and to 400 with a
	// control.
	Deliveries int
	// Seed determines the order and the pauses of the faults.
	Seed uint64
	// Dispatchers is the number of dispatchers. At least 2; defaults to 3.
	Dispatchers int
	// Short injects one of each fault, except for a freeze that outlasts every lease, and checks no durations, except that orphans are not
	// left to asynq's own recovery.
	Short bool
	// Control removes a safeguard, and injects only the faults that show its absence.
	Control Control
	// Progress gets a line every few seconds. Defaults to none.
	Progress io.Writer
	// Logs is a directory for the logs of the services. Defaults to none.
	Logs string
}

const (
	defaultDeliveries        = 50_000
	defaultShortDeliveries   = 2_000
	defaultControlDeliveries = 400
	defaultDispatchers       = 3
)

func (o Options) withDefaults() (Options, error) {
	if o.Deliveries == 0 {
		switch {
		case o.Control != "":
			o.Deliveries = defaultControlDeliveries
		case o.Short:
			o.Deliveries = defaultShortDeliveries
		default:
			o.Deliveries = defaultDeliveries
		}
	}
	if o.Dispatchers == 0 {
		o.Dispatchers = defaultDispatchers
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	switch {
	case o.Deliveries < 0:
		return o, fmt.Errorf("there cannot be %d deliveries", o.Deliveries)
	case o.Dispatchers < 2:
		return o, fmt.Errorf("%d dispatchers are too few: one has to live while another is dead", o.Dispatchers)
	case o.Control != "" && !slices.Contains(variant.Controls, o.Control):
		return o, fmt.Errorf("there is no control %q, only %v", o.Control, variant.Controls)
	}
	return o, nil
}

// The limits of a run. They were set with the design and are generous compared with usual values.
const (
	redisLimit    = 10 * time.Second // from the end of the Redis fault to the first send
	postgresLimit = 15 * time.Second // likewise
	orphanLimit   = 45 * time.Second // from a SIGKILL to the repetition of the attempt
	queueLimit    = 30 * time.Second // from the end of the Redis fault until all waiting deliveries are in backlog, for queueWaiting
	queueWaiting  = 50_000
)

// shortOrphanLimit is for short runs. It is shorter than asynq's own recovery, which takes up to 125 s. Nearly all of the usual 16 s are waiting.
const shortOrphanLimit = 100 * time.Second

// judges reports whether the limits apply.
func (o Options) judges() bool { return !o.Short && (o.Control == "" || o.Control == AsynqDefaults) }

// mostTolerance bounds the tolerance. On a machine that did much else, a run took four times as long.
const mostTolerance = 5

// tolerance returns the one of the audit: how many times longer than planned the faults took. A short run is a test and may be made on a busy
// machine. Other runs have none.
func (o Options) tolerance(planned, took time.Duration) int {
	if !o.Short || planned <= 0 {
		return 1
	}
	return min(max(1, int(took/planned)), mostTolerance)
}

// patience is how long a delivery may take to end after the last fault. asynq's own recovery takes up to 125 s.
func (o Options) patience() time.Duration {
	switch {
	case o.Control == NoReconciler, o.Control == NoFencing:
		return 12 * time.Second // longer than any retry
	case o.Short:
		return 5 * time.Minute
	default:
		return 3 * time.Minute
	}
}

// BecomeDispatcher turns a program that was started as a dispatcher without a safeguard into that dispatcher. A program that calls Run with
// a Control must call this first in main, or in TestMain.
func BecomeDispatcher() {
	if variant.IsCommand(os.Args) {
		variant.Exit()
	}
}
