package chaos

import (
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

const (
	// publishLimit is the longest permitted publication while Redis hangs: the 250 ms that Redis may add to a request, and a margin for a
	// busy machine. Without the bound it would be the client's own timeout of seconds.
	publishLimit = 250*time.Millisecond + time.Second
	// mostGoroutines is three times the number in an idle dispatcher, which includes two for each of 64 idle connections. One leaked
	// goroutine per delivery of a small run exceeds it. mostMemory is ten times the memory of an idle dispatcher.
	mostGoroutines = 500
	mostMemory     = 512 << 20
)

// judge returns the limits that were missed.
func judge(r *Report) (slow []string) {
	miss := func(what string, took, limit time.Duration) {
		if took > limit {
			slow = append(slow, fmt.Sprintf("%s: %.1f s, and not within %.1f s", what, took.Seconds(), limit.Seconds()))
		}
	}
	if r.Options.Short {
		miss("an orphaned attempt was made again", longest(r.Remade), shortOrphanLimit)
	}
	if !r.Options.judges() {
		return slow
	}
	for _, recovery := range r.Recoveries {
		if recovery.Unheld > 0 {
			miss("first send after "+string(recovery.Kind), recovery.First, limitOf(recovery.Kind))
		}
		if recovery.Meanwhile > 0 {
			slow = append(slow, fmt.Sprintf("%d requests were sent although the database was known to be down", recovery.Meanwhile))
		}
	}
	if _, measured := r.slowest(audit.RedisKilled, audit.RedisFlushed); measured == 0 && r.Times[audit.RedisKilled]+r.Times[audit.RedisFlushed] > 0 {
		slow = append(slow, "the first send after Redis was emptied was not measured: all that waited was held by dispatchers")
	}
	miss("an orphaned attempt was made again", longest(r.Remade), orphanLimit)
	miss("publishing without Redis", r.SlowestWithoutRedis, publishLimit)
	if r.Waiting.Waiting > 0 {
		allowed := queueLimit
		if r.Waiting.Waiting > queueWaiting {
			allowed = queueLimit * time.Duration(r.Waiting.Waiting) / queueWaiting
		}
		miss("what waits was in backlog again", r.Waiting.After, allowed)
	}
	return slow
}

// excesses are limits of the run as a whole, which the audit of single deliveries does not see.
func excesses(r *Report) (problems []string) {
	if r.Duplicates > r.InFlight {
		problems = append(problems, fmt.Sprintf("%d requests were duplicates, and %d in flight when something died", r.Duplicates, r.InFlight))
	}
	if r.Leftovers.Blocking > 0 {
		problems = append(problems, fmt.Sprintf("%d tasks are pending and in no list: a manual retry of their deliveries would wait for minutes", r.Leftovers.Blocking))
	}
	for _, g := range r.Gauges {
		if g.Goroutines > mostGoroutines || g.Memory > mostMemory {
			problems = append(problems, fmt.Sprintf("%s has %d goroutines and %d MiB when all is done", g.Service, g.Goroutines, g.Memory>>20))
		}
	}
	return problems
}

func limitOf(kind audit.Kind) time.Duration {
	if kind == audit.PostgresStopped || kind == audit.PostgresPartitioned {
		return postgresLimit
	}
	return redisLimit
}

func longest(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return slices.Max(times)
}

// slowest returns the longest time to the first send after a fault of one of the kinds, and the number of measurements.
func (r *Report) slowest(kinds ...audit.Kind) (slowest time.Duration, measured int) {
	for _, recovery := range r.Recoveries {
		if recovery.Of(kinds...) && recovery.Unheld > 0 {
			slowest = max(slowest, recovery.First)
			measured++
		}
	}
	return slowest, measured
}
