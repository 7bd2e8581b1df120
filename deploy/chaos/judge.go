package chaos

import (
	"fmt"
	"slices"
	"time"

	"redrive/deploy/chaos/internal/audit"
)

const (
	// publishLimit is what a publication may take while Redis hangs: the 250 ms that Redis may cost it, and as much as a busy machine
	// adds to a request. Without that bound it would be the seconds of a client's own timeout.
	publishLimit = 250*time.Millisecond + time.Second
	// mostGoroutines is three times what a dispatcher has when all is done, two for each of 64 idle connections among them: one that
	// is left behind for each delivery of a small run shows. mostMemory is ten times what it has then.
	mostGoroutines = 500
	mostMemory     = 512 << 20
)

// judge says which limits were missed.
func judge(r *Report) (slow []string) {
	if !r.Options.judges() {
		return nil
	}
	miss := func(what string, took, limit time.Duration) {
		if took > limit {
			slow = append(slow, fmt.Sprintf("%s: %.1f s, and not within %.1f s", what, took.Seconds(), limit.Seconds()))
		}
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

// excesses are what the audit cannot see, because it is true of a run as a whole.
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

// slowest is the longest time to the first send after a fault of one of the kinds, and measured how often there was one to be seen.
func (r *Report) slowest(kinds ...audit.Kind) (slowest time.Duration, measured int) {
	for _, recovery := range r.Recoveries {
		if recovery.Of(kinds...) && recovery.Unheld > 0 {
			slowest = max(slowest, recovery.First)
			measured++
		}
	}
	return slowest, measured
}
