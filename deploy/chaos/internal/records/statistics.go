package records

import (
	"context"
	"fmt"
)

// Counts are numbers of created deliveries, of attempts that were not superseded, and of deliveries that succeeded.
type Counts struct{ Created, Attempts, Succeeded int64 }

// Statistics returns the counts of the statistics, merged or not, and those of the tables. No process may write meanwhile.
func Statistics(ctx context.Context, database Database) (counted, rows Counts, err error) {
	err = database.QueryRow(ctx, `SELECT CAST(coalesce(sum(created), 0) AS bigint), CAST(coalesce(sum(attempts), 0) AS bigint), CAST(coalesce(sum(succeeded), 0) AS bigint)
		FROM (
			SELECT created, attempts, succeeded FROM statistics_hours WHERE endpoint_id = '' AND event_type = ''
			UNION ALL SELECT created, attempts, succeeded FROM statistics_deltas
		) AS s`).Scan(&counted.Created, &counted.Attempts, &counted.Succeeded)
	if err != nil {
		return counted, rows, fmt.Errorf("read the statistics: %w", err)
	}
	err = database.QueryRow(ctx, `SELECT (SELECT count(*) FROM deliveries WHERE NOT test),
		(SELECT count(*) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.outcome <> 'superseded' AND NOT d.test),
		(SELECT count(*) FROM deliveries WHERE status = 'success' AND NOT test)`).Scan(&rows.Created, &rows.Attempts, &rows.Succeeded)
	if err != nil {
		return counted, rows, fmt.Errorf("count the rows: %w", err)
	}
	return counted, rows, nil
}
