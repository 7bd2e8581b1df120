package chaos

import (
	"context"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/records"
)

// history reads the complete history of the run, after all activity has ended.
func (r *run) history(ctx context.Context) (*audit.History, error) {
	return records.History(ctx, r.database, records.Run{
		Load: r.load, Receiver: r.receiver, Paths: r.paths, Faults: r.Faults(), Timeout: deliveryTimeout, Tolerance: r.tolerance,
	})
}
