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
	// PerEndpoint is how many attempts one endpoint may have in flight. Defaults to a quarter of the workers: one that hangs
	// leaves the others three quarters.
	PerEndpoint int
	// Timeout is the timeout of an attempt. An attempt without an answer that takes nearly as long counts as one. Defaults to 15 s.
	Timeout time.Duration
	// Patience is how long past its due time an open circuit may hold a delivery. Defaults to 10 minutes.
	Patience time.Duration
	// LongestSnooze bounds how long a held delivery sleeps if nobody wakes it. It must stay below what the reconciler takes for
	// sleeping too long. Defaults to 80 s.
	LongestSnooze time.Duration
	// Remember is how many held deliveries are remembered, to be woken in their turn. Defaults to 100,000, some 20 MB.
	Remember int
	// Redis is where replicas share the rates of endpoints. Without it, each keeps to the rate by itself.
	Redis redis.UniversalClient
	// Waker makes tasks pending. Without it, held deliveries come back when their snoozes end, and not before.
	Waker Waker
	// Random returns numbers in [0, 1) for the jitter. Defaults to math/rand/v2.
	Random func() float64
	Log    *slog.Logger
	// RedisLog is for what fails because Redis does. Defaults to Log.
	RedisLog *slog.Logger
}

const (
	defaultTimeout       = 15 * time.Second
	defaultPatience      = 10 * time.Minute
	defaultLongestSnooze = 80 * time.Second
	defaultRemember      = 100_000

	// perLine bounds what one endpoint can have remembered, as a share of all: it must not use up the others' room.
	perLine = 10
	// mostEndpoints are known at once, and those that nothing has come for are forgotten after idleFor.
	mostEndpoints = 100_000
	idleFor       = 10 * time.Minute
	forgetTries   = 100

	// queueing is how long a worker waits for a slot of a quick endpoint. At 5,000 deliveries a second, which is what one
	// process can do, 150 waiting workers are served in 30 ms.
	queueing = 50 * time.Millisecond
	// callPatience is how long a slot is kept for a delivery whose task was woken, and callLook how often what has become of it
	// is looked at meanwhile: an idle worker finds it within 24 ms, a busy one as soon as it is done with another.
	callPatience = 2 * time.Second
	callLook     = 100 * time.Millisecond
	// settling is what the queue takes at least to put a task to sleep after its delivery was held.
	settling = 20 * time.Millisecond
	// stalling is for how long an attempt may be in flight before its endpoint counts as unwell.
	stalling = 2 * time.Second
	// One worker in eight is reserved for endpoints that have answered lately.
	reserved = 8
	lately   = 10 * time.Second
	// hungShare of the timeout counts as the whole of it.
	hungShare = 0.8
	// beat is how often circuits and slots that are kept in vain are looked after.
	beat = 50 * time.Millisecond
)

func (o Options) withDefaults() Options {
	if o.PerEndpoint == 0 {
		o.PerEndpoint = o.Workers / 4
	}
	o.PerEndpoint = max(1, o.PerEndpoint)
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.LongestSnooze == 0 {
		o.LongestSnooze = defaultLongestSnooze
	}
	if o.Remember == 0 {
		o.Remember = defaultRemember
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
