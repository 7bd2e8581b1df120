package chaos

import (
	"fmt"
	"strings"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

// Line is the line for programs: the sums of all runs, and the maximum of each duration.
func Line(reports []*Report) string {
	var sum Report
	var violations, slow, redisMeasured, postgresMeasured, meanwhile int
	var redis, postgres, remade, publish time.Duration
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
		sum.Leftovers.Blocking += r.Leftovers.Blocking
		sum.Took += r.Took
		sum.Waiting.After = max(sum.Waiting.After, r.Waiting.After)
		violations += r.Violations()
		slow += len(r.Slow)
		toRedis, redisTimes := r.slowest(audit.RedisKilled, audit.RedisFlushed, audit.RedisPartitioned)
		toPostgres, postgresTimes := r.slowest(audit.PostgresStopped, audit.PostgresPartitioned)
		redis, postgres = max(redis, toRedis), max(postgres, toPostgres)
		redisMeasured += redisTimes
		postgresMeasured += postgresTimes
		for _, recovery := range r.Recoveries {
			meanwhile += recovery.Meanwhile
		}
		publish = max(publish, r.SlowestWithoutRedis)
		remade = max(remade, longest(r.Remade))
	}
	fields := []string{
		fmt.Sprintf("accepted=%d lost=%d duplicates=%d inFlightAtKills=%d violations=%d slow=%d", sum.Accepted, sum.Lost, sum.Duplicates, sum.InFlight, violations, slow),
		fmt.Sprintf("unanswered=%d superseded=%d unrecorded=%d cleanStopDuplicates=%d", sum.Unanswered, sum.Superseded, sum.Unrecorded, sum.ByCleanStops),
		fmt.Sprintf("redisSeconds=%s postgresSeconds=%s orphanSeconds=%s queueSeconds=%s", seconds(redis), seconds(postgres), seconds(remade), seconds(sum.Waiting.After)),
		fmt.Sprintf("openTasks=%d phantoms=%d runs=%d seconds=%s", sum.Leftovers.Open, sum.Leftovers.Phantoms, len(reports), seconds(sum.Took)),
		fmt.Sprintf("redisMeasured=%d postgresMeasured=%d sentMeanwhile=%d publishSeconds=%s blockingPhantoms=%d", redisMeasured, postgresMeasured, meanwhile, seconds(publish), sum.Leftovers.Blocking),
	}
	return strings.Join(fields, " ")
}
