package chaos

import (
	"context"
	"slices"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/chaos/internal/records"
)

// history reads the complete history of the run, after all activity has ended.
func (r *run) history(ctx context.Context) (*audit.History, error) {
	deliveries, err := records.Deliveries(ctx, r.database, r.paths)
	if err != nil {
		return nil, err
	}
	attempts, err := records.Attempts(ctx, r.database)
	if err != nil {
		return nil, err
	}
	faults := slices.Clone(r.faults)
	slices.SortFunc(faults, func(a, b audit.Fault) int { return a.Began.Compare(b.Began) })
	return &audit.History{
		Accepted: r.load.Accepted(), Deliveries: deliveries, Attempts: attempts, Requests: r.receiver.Requests(), Faults: faults,
		Timeout: deliveryTimeout,
		Fails:   func(id string) bool { return receiver.KindOf(id) == receiver.Dead },
	}, nil
}
