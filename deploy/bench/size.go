package bench

import (
	"context"
	"fmt"

	"redrive/deploy/bench/report"
)

// addSize adds the number of bytes that a delivery uses on PostgreSQL's disk: its row, its event and its one attempt, with their indexes.
func (g *grown) addSize(ctx context.Context, samples *report.Samples) error {
	total := 0.0
	for _, table := range []string{"deliveries", "attempts", "events"} {
		var bytes int64
		if err := g.database.pool.QueryRow(ctx, "SELECT pg_total_relation_size($1::text::regclass)", table).Scan(&bytes); err != nil {
			return fmt.Errorf("size of the table %s: %w", table, err)
		}
		each := float64(bytes) / float64(g.rows)
		samples.Add(report.Detail(rowDatabaseBytes, table), each)
		total += each
	}
	samples.Add(rowDatabaseBytes, total)
	return nil
}
