package records

import (
	"context"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/receiver"
)

// Run is the part of a history that is not in the database.
type Run struct {
	Load     *load.Load
	Receiver *receiver.Receiver
	// Paths are the paths of the endpoints at the receiver, by endpoint ID.
	Paths map[string]string
	// Faults are the injected faults, in order.
	Faults []audit.Fault
	// Timeout bounds an attempt.
	Timeout time.Duration
	// Tolerance is the one of the audit.
	Tolerance int
}

// History returns the history of a run without its retries by hand. All activity must have ended.
func History(ctx context.Context, database Database, r Run) (*audit.History, error) {
	deliveries, err := Deliveries(ctx, database, r.Paths)
	if err != nil {
		return nil, err
	}
	attempts, err := Attempts(ctx, database)
	if err != nil {
		return nil, err
	}
	return &audit.History{
		Accepted: r.Load.Accepted(), Deliveries: deliveries, Attempts: attempts, Requests: r.Receiver.Requests(), Faults: r.Faults,
		Timeout: r.Timeout, Tolerance: r.Tolerance, Fails: func(id string) bool { return receiver.KindOf(id) == receiver.Dead },
	}, nil
}
