package bulkhead

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options of Bulkheads.
type Options struct {
	// Workers is how many deliveries this process handles at once. Required.
	Workers int
	// PerEndpoint is how many attempts one endpoint may have in flight. Defaults to a quarter of the workers.
	PerEndpoint int
	// Timeout is the timeout of an attempt whose result has none. Defaults to 15 s.
	Timeout time.Duration
	// MaxHold is how long past its due time an open circuit may hold a delivery. Defaults to 10 minutes.
	MaxHold time.Duration
	// LongestSnooze bounds how long a held delivery's task sleeps if it is not woken. It must stay below the age at which the
	// reconciler takes a sleeping task for lost. Defaults to 80 s.
	LongestSnooze time.Duration
	// MaxHeld is how many held deliveries are remembered, to be woken in order. Defaults to 100,000, which takes about 20 MB.
	MaxHeld int
	// Redis stores the rates of endpoints, so that replicas share them. Without it, each replica applies the whole limit on its own.
	Redis redis.UniversalClient
	// Waker makes tasks pending. Without it, the task of a held delivery runs only when its snooze ends.
	Waker Waker
	// Random returns numbers in [0, 1) for jitter. Defaults to math/rand/v2.
	Random func() float64
	// Log defaults to slog.Default.
	Log *slog.Logger
	// RedisLog is for failures of Redis. Defaults to Log.
	RedisLog *slog.Logger
}

const (
	defaultTimeout       = 15 * time.Second
	defaultMaxHold       = 10 * time.Minute
	defaultLongestSnooze = 80 * time.Second
	defaultMaxHeld       = 100_000

	// maxHeldShare is the fraction of MaxHeld that one endpoint may use.
	maxHeldShare = 10
	// maxEndpoints are known at once. Endpoints without a request for idleTTL are evicted.
	maxEndpoints  = 100_000
	idleTTL       = 10 * time.Minute
	evictionTries = 100

	// maxSlotWait is how long a worker waits for a slot of a fast endpoint. One process makes 5,000 deliveries a second at most, so
	// 150 waiting workers are served within 30 ms.
	maxSlotWait = 50 * time.Millisecond
	// reservationTTL is how long a slot is reserved for a woken delivery. reservationCheck is how often its task is woken again meanwhile.
	// An idle worker dequeues the task within 24 ms, a busy worker after its present delivery.
	reservationTTL   = 2 * time.Second
	reservationCheck = 100 * time.Millisecond
	// sleepDelay is the time after hold in which the task is not woken, because its worker has not rescheduled it yet.
	sleepDelay = 20 * time.Millisecond
	// stalledAfter is how long an attempt may be in flight before its endpoint is degraded.
	stalledAfter = 2 * time.Second
	// recentAnswer is how long after an answer an endpoint may use the workers that package slots keeps for responsive endpoints.
	recentAnswer = 10 * time.Second
	// tickInterval is how often circuits and reservations are checked.
	tickInterval = 50 * time.Millisecond
)

func (o Options) withDefaults() Options {
	if o.PerEndpoint == 0 {
		o.PerEndpoint = o.Workers / 4
	}
	o.PerEndpoint = max(1, o.PerEndpoint)
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.MaxHold == 0 {
		o.MaxHold = defaultMaxHold
	}
	if o.LongestSnooze == 0 {
		o.LongestSnooze = defaultLongestSnooze
	}
	if o.MaxHeld == 0 {
		o.MaxHeld = defaultMaxHeld
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.RedisLog == nil {
		o.RedisLog = o.Log
	}
	return o
}
