package chaos

import (
	"math/rand/v2"
	"time"
)

// action is the kind of a step.
type action string

// The actions. Each is a method of run.
const (
	rollingUpdate     action = "rolling update"
	killDispatchers   action = "SIGKILL of dispatchers"
	killAPI           action = "SIGKILL of the API"
	killRedis         action = "Redis killed, back empty"
	flushRedis        action = "FLUSHALL"
	stopPostgres      action = "Postgres stopped at once"
	partitionRedis    action = "Redis partitioned"
	partitionPostgres action = "Postgres partitioned"
	outrunFrozen      action = "a frozen dispatcher is outrun"
	freeze            action = "SIGSTOP beyond every lease"
	fillQueue         action = "everything waits, and Redis is emptied"
	storm             action = "SIGKILLs, and all servers, at once"
)

// step is an action and the pause after it.
type step struct {
	action action
	quiet  time.Duration
}

// lasts is the approximate duration of each action. The load is spread over the sum.
var lasts = map[action]time.Duration{
	rollingUpdate: 5 * time.Second, killDispatchers: kills * killInterval, killAPI: time.Second, killRedis: 2 * time.Second,
	flushRedis: 0, stopPostgres: 2 * time.Second, partitionRedis: partitionTime, partitionPostgres: partitionTime,
	outrunFrozen: 6 * time.Second, freeze: freezeTime, fillQueue: 20 * time.Second, storm: stormTime,
}

// sends is the approximate time until the first send after an action, which only a full run waits for.
const sends = 2 * time.Second

const (
	kills        = 10
	shortKills   = 3
	killInterval = 2 * time.Second
	// freezeTime is longer than asynq's lease of 30 s and the interval of its recoverer.
	freezeTime = 50 * time.Second
	stormTime  = 24 * time.Second
	// orphansTime is long enough to find all orphans without other events that would find them.
	orphansTime = 50 * time.Second
)

// plan returns the steps of a run, in order. The rolling update comes first, so that no earlier fault can explain a duplicate.
func plan(o Options) []step {
	random := rand.New(rand.NewPCG(o.Seed, 0))
	switch o.Control {
	case NoReconciler:
		return []step{{killRedis, time.Second}, {flushRedis, time.Second}}
	case NoFencing:
		return []step{{outrunFrozen, time.Second}}
	case AsynqDefaults:
		return []step{{killDispatchers, 0}}
	}
	first := []step{{rollingUpdate, time.Second}, {killDispatchers, orphansTime}}
	middle := []action{
		killAPI, killAPI, killRedis, killRedis, flushRedis, flushRedis, stopPostgres, partitionRedis, partitionPostgres, outrunFrozen,
		freeze, fillQueue,
	}
	last := []step{{storm, time.Second}} // one more kill of Redis, FLUSHALL and stop of PostgreSQL
	if o.Short {
		first = []step{{rollingUpdate, 0}, {killDispatchers, 0}}
		middle = []action{killAPI, killRedis, flushRedis, stopPostgres, partitionRedis, partitionPostgres, outrunFrozen}
		last = nil
	}
	random.Shuffle(len(middle), func(i, j int) { middle[i], middle[j] = middle[j], middle[i] })
	steps := first
	for _, a := range middle {
		quiet := time.Second + time.Duration(random.Int64N(int64(3*time.Second)))
		if o.Short {
			quiet /= 4
		}
		steps = append(steps, step{a, quiet})
	}
	return append(steps, last...)
}

// duration returns the approximate duration of a plan.
func duration(o Options, steps []step) (total time.Duration) {
	for _, s := range steps {
		total += lasts[s.action] + s.quiet
		if !o.Short {
			total += sends
		}
		if s.action == killDispatchers {
			total -= time.Duration(kills-o.kills()) * killInterval
		}
	}
	return total
}

// kills is the number of times that a dispatcher alone is killed.
func (o Options) kills() int {
	if o.Short || o.Control != "" {
		return shortKills
	}
	return kills
}
