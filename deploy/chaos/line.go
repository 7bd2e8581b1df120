package chaos

import (
	"fmt"
	"strings"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// Line is the line for programs: the sums of all runs, and of seconds the longest.
func Line(reports []*Report) string {
	var sum Report
	violations, slow := 0, 0
	var redis, postgres, remade time.Duration
	for _, r := range reports {
		sum.Accepted += r.Accepted
		sum.Lost += r.Lost
		sum.Duplicates += r.Duplicates
		sum.InFlight += r.InFlight
		sum.Unanswered += r.Unanswered
		sum.Superseded += r.Superseded
		sum.Unrecorded += r.Unrecorded
		sum.ByCleanStops += r.ByCleanStops
		sum.Leftovers.Open += r.Leftovers.Open
		sum.Leftovers.Phantoms += r.Leftovers.Phantoms
		sum.Took += r.Took
		sum.Waiting.After = max(sum.Waiting.After, r.Waiting.After)
		violations += r.Violations()
		slow += len(r.Slow)
		redis = max(redis, r.slowest(audit.RedisKilled, audit.RedisFlushed, audit.RedisPartitioned))
		postgres = max(postgres, r.slowest(audit.PostgresStopped, audit.PostgresPartitioned))
		remade = max(remade, longest(r.Remade))
	}
	fields := []string{
		fmt.Sprintf("accepted=%d lost=%d duplicates=%d inFlightAtKills=%d violations=%d slow=%d", sum.Accepted, sum.Lost, sum.Duplicates, sum.InFlight, violations, slow),
		fmt.Sprintf("unanswered=%d superseded=%d unrecorded=%d cleanStopDuplicates=%d", sum.Unanswered, sum.Superseded, sum.Unrecorded, sum.ByCleanStops),
		fmt.Sprintf("redisSeconds=%s postgresSeconds=%s orphanSeconds=%s queueSeconds=%s", seconds(redis), seconds(postgres), seconds(remade), seconds(sum.Waiting.After)),
		fmt.Sprintf("openTasks=%d phantoms=%d runs=%d seconds=%s", sum.Leftovers.Open, sum.Leftovers.Phantoms, len(reports), seconds(sum.Took)),
	}
	return strings.Join(fields, " ")
}
