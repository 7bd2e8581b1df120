package chaos

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/variant"
)

// Control is a safeguard to be taken out of the dispatchers. Empty, they are the real ones.
type Control = variant.Control

// The controls.
const (
	NoReconciler  = variant.NoReconciler
	NoFencing     = variant.NoFencing
	AsynqDefaults = variant.AsynqDefaults
)

// Controls is all of them.
func Controls() []Control { return slices.Clone(variant.Controls) }

// Options of a run.
type Options struct {
	// Deliveries is how many the API has to accept. Defaults to 50,000; to 2,000 in a short run, and to 400 with a control.
	Deliveries int
	// Seed decides what is done when.
	Seed uint64
	// Dispatchers is how many run. At least 2; defaults to 3.
	Dispatchers int
	// Short has one of each fault done, but for a freeze that outlasts every lease, and judges no seconds.
	Short bool
	// Control takes something out, and has only what shows its lack done.
	Control Control
	// Progress is told every few seconds how far it is. Defaults to nowhere.
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

// The limits that a run is judged by: issued with the design, and generous beside what is usual.
const (
	redisLimit    = 10 * time.Second // from Redis being back to the first send
	postgresLimit = 15 * time.Second // likewise
	orphanLimit   = 45 * time.Second // from a SIGKILL to the attempt being made again
	queueLimit    = 30 * time.Second // from Redis being back to all that waits being in backlog, for queueWaiting
	queueWaiting  = 50_000
)

// judges says whether the limits count.
func (o Options) judges() bool { return !o.Short && (o.Control == "" || o.Control == AsynqDefaults) }

// patience is how long a delivery may take to end after the last fault. What asynq recovers by itself takes up to 125 s.
func (o Options) patience() time.Duration {
	switch {
	case o.Control == NoReconciler, o.Control == NoFencing:
		return 12 * time.Second // longer than any retry
	case o.Short:
		return time.Minute
	default:
		return 3 * time.Minute
	}
}

// BecomeDispatcher has a program that was started as a dispatcher without a safeguard be that and nothing else. Whoever calls
// Run with a Control calls this first of all in main, or in TestMain.
func BecomeDispatcher() {
	if variant.IsCommand(os.Args) {
		variant.Exit()
	}
}
