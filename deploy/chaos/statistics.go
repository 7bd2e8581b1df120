package chaos

import (
	"context"
	"fmt"

	"redrive/deploy/chaos/internal/records"
)

// checkStatistics reports a problem if the statistics differ from a full count of the rows.
func (r *run) checkStatistics(ctx context.Context) error {
	counted, rows, err := records.Statistics(ctx, r.database)
	if err != nil {
		return err
	}
	if problem := differing(counted, rows); problem != "" {
		r.Problem("%s", problem)
	}
	return nil
}

// differing describes how statistics differ from a full count. It is empty if they are equal.
func differing(counted, rows records.Counts) string {
	if counted == rows {
		return ""
	}
	return fmt.Sprintf("the statistics have %d deliveries, %d attempts and %d successes, and the tables %d, %d and %d",
		counted.Created, counted.Attempts, counted.Succeeded, rows.Created, rows.Attempts, rows.Succeeded)
}
