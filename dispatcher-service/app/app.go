// Package app assembles the dispatcher service. It can run in its own process or inside another one: it uses neither signals nor the
// environment.
package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"redrive/dispatcher-service/internal/backlog"
	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/dispatcher-service/internal/bulkjob"
	"redrive/dispatcher-service/internal/claim"
	"redrive/dispatcher-service/internal/deletion"
	"redrive/dispatcher-service/internal/deliver"
	"redrive/dispatcher-service/internal/erasure"
	"redrive/dispatcher-service/internal/minutes"
	"redrive/dispatcher-service/internal/operational"
	"redrive/dispatcher-service/internal/queuewatch"
	"redrive/dispatcher-service/internal/reconcile"
	"redrive/dispatcher-service/internal/retention"
	"redrive/dispatcher-service/internal/rollup"
	"redrive/dispatcher-service/internal/sender"
	"redrive/dispatcher-service/internal/summary"
	"redrive/dispatcher-service/internal/worker"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/linger"
	"redrive/pkg/memory"
	"redrive/pkg/observe"
	"redrive/pkg/profile"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Store is the database: store.Store.
type Store interface {
	deliver.Store
	reconcile.Store
	claim.Store
	removalStore
	queuewatch.Store
	operationalStore
	bulkjob.Store
	startStore
	healthStore
	statistics
}

// removalStore ends and deletes what is deleted or old.
type removalStore interface {
	deletion.Store
	retention.Store
	erasure.Store
}

// operationalStore publishes operational events.
type operationalStore interface {
	operational.Store
	OnOperational(enqueue func(ctx context.Context, deliveries ...webhook.Delivery))
}

// startStore is used once, by Start.
type startStore interface {
	CheckSchemaOrWait(ctx context.Context, log *slog.Logger) error
	LogMissingKeys(ctx context.Context, log *slog.Logger)
}

// healthStore answers the health checks.
type healthStore interface {
	Ping(ctx context.Context) error
	CheckSpace(ctx context.Context) error
	CheckKeys(ctx context.Context) error
}

// statistics are merged, and read for metrics.
type statistics interface {
	rollup.Store
	backlog.Store
	Stats() sql.DBStats
	Full() bool
	MissingKeyCount(context.Context) int64
}

// Options of the dispatcher service.
type Options struct {
	// Store and Redis are required. The caller closes them after Stop.
	Store Store
	Redis redis.UniversalClient
	// Guard refuses destinations that are not allowed. Required.
	Guard *egress.Guard
	// Log defaults to slog.Default.
	Log *slog.Logger
	// OpsAddr is the listen address of health and metrics. Defaults to :9091.
	OpsAddr string
	// Profiles serves profiles of the process at OpsAddr, below profile.Path.
	Profiles bool
	// Wrap wraps the handler of that address. Defaults to none.
	Wrap func(http.Handler) http.Handler
	// Concurrency is the number of deliveries in flight at once. Defaults to 200.
	Concurrency int
	// EndpointConcurrency is the number of them for one endpoint. Defaults to a quarter.
	EndpointConcurrency int
	// DeliveryTimeout bounds one attempt to an endpoint without a timeout of its own. Defaults to 15 s.
	DeliveryTimeout time.Duration
	// RetrySchedule holds the delays before each retry. Defaults to webhook.DefaultSchedule.
	RetrySchedule []time.Duration
	// ReconcileInterval is the time between passes over what is due. Defaults to 5 s.
	ReconcileInterval time.Duration
	// OutcomePatience is how long recording an outcome is retried while the database responds and refuses it. While the database is
	// unavailable it is retried as long as the process lives. Defaults to 30 s.
	OutcomePatience time.Duration
	// Memory is how many bytes the bodies of deliveries in flight may take. Defaults to memory.Default.
	Memory int64
	// DatabaseTimeout bounds one statement of a delivery. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// ForwardInterval is how often tasks that have come due are made pending. Defaults to the worker's own.
	ForwardInterval time.Duration
	// Retention is how long deliveries and events are kept after they have ended. 0 means no limit.
	Retention time.Duration
	// Tracing provides the tracer of deliveries. Defaults to no traces.
	Tracing trace.TracerProvider
	// SendTraceparent adds a Traceparent header to webhooks.
	SendTraceparent bool
	// Version is part of the User-Agent header. Defaults to dev.
	Version string
}

const (
	defaultOpsAddr     = ":9091"
	defaultConcurrency = 200
	defaultTimeout     = 15 * time.Second
	// headerTimeout bounds how long the ops port waits for the header of a request.
	headerTimeout = 5 * time.Second
	// leastMargin is the margin unless DatabaseTimeout is longer.
	leastMargin = 5 * time.Second
	// memoryWaiters is the share of workers, as a divisor, that may wait for memory. The other workers handle small deliveries.
	memoryWaiters = 8
)

// margin is the time of an attempt beyond its timeout: to be dequeued, loaded and recorded.
func (o Options) margin() time.Duration { return max(leastMargin, o.DatabaseTimeout) }

// attempt is the longest time of an attempt, from the queue to its record.
func (o Options) attempt() time.Duration {
	return sender.LongestTimeout(o.DeliveryTimeout) + o.margin()
}

func (o Options) withDefaults() (Options, error) {
	if o.Store == nil || o.Redis == nil || o.Guard == nil {
		return o, errors.New("the dispatcher needs a store, a Redis client and an egress guard")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.OpsAddr == "" {
		o.OpsAddr = defaultOpsAddr
	}
	if o.Wrap == nil {
		o.Wrap = func(handler http.Handler) http.Handler { return handler }
	}
	if o.Concurrency == 0 {
		o.Concurrency = defaultConcurrency
	}
	if o.DeliveryTimeout == 0 {
		o.DeliveryTimeout = defaultTimeout
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	return o, nil
}

// App is the dispatcher service.
type App struct {
	options    Options
	health     *observe.Health
	ops        *lifecycle.Server
	sender     *sender.Sender
	gate       *bulkhead.Bulkheads
	watcher    *queuewatch.Watcher
	deliverer  *deliver.Deliverer
	pool       *worker.Pool
	reconciler *reconcile.Reconciler
	ender      *deletion.Ender
	purger     *retention.Purger
	eraser     *erasure.Eraser
	publisher  *operational.Publisher
	summaries  *summary.Publisher
	minutes    *minutes.Counter
	merger     *rollup.Merger
	bulk       *bulkjob.Runner
	started    lifecycle.Stack
}

// New binds the ops address and assembles the service. It sends nothing to the servers.
func New(options Options) (*App, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	registry := observe.NewRegistry()
	observe.BuildInfo(registry, "dispatcher-service", o.Version)
	observe.Pools(registry, o.Store.Stats, o.Redis)
	observe.Storage(registry, o.Store.Full, o.Store.MissingKeyCount)
	outage := queue.NewOutage(o.Redis, o.Log, registry)
	redisLog := outage.Quiet(o.Log)
	enqueuer := queue.NewEnqueuer(o.Redis)
	watcher := queuewatch.New(enqueuer, o.Store, o.Log, registry)
	backlog.New(enqueuer, enqueuer.Lanes(), o.Store, registry)
	gate := bulkhead.New(bulkhead.Options{
		Workers: o.Concurrency, PerEndpoint: o.EndpointConcurrency, Timeout: o.DeliveryTimeout,
		Redis: o.Redis, Waker: enqueuer, Log: o.Log, RedisLog: redisLog,
	}, registry)
	out := sender.New(sender.Options{Guard: o.Guard, Timeout: o.DeliveryTimeout, UserAgent: "Redrive/" + o.Version, Traceparent: o.SendTraceparent})
	lanes := queue.NewLanes(o.Redis)
	var a *App // the claimer starts with it
	claimer := claim.New(claim.Options{
		Lanes: lanes, Store: o.Store, Queue: webhook.QueueDeliveries, Workers: o.Concurrency, Room: gate.Room, Log: redisLog,
		Emptied: func() { a.reconciler.PassSoon() }, Registry: registry,
	})
	budget := memory.New(o.Memory)
	budget.Register(registry)
	counter := minutes.New(queue.NewMinuteCounter(o.Redis), redisLog)
	deliverer := deliver.New(deliver.Options{
		Memory: budget, MemoryWaiters: max(1, o.Concurrency/memoryWaiters),
		Store: o.Store, Sender: out, Gate: gate, Policy: webhook.Policy{Schedule: o.RetrySchedule}, Log: o.Log, RefusalLimit: o.OutcomePatience,
		DatabaseTimeout: o.DatabaseTimeout, Progress: claimer, Counter: counter,
	}, registry)
	health := observe.NewHealth(
		observe.Check{Name: "database", Required: true, Probe: o.Store.Ping},
		observe.Check{Name: "storage", Probe: o.Store.CheckSpace},
		observe.Check{Name: "keys", Probe: o.Store.CheckKeys},
		observe.Check{Name: "resources", Probe: deliverer.CheckResources},
		observe.Check{Name: "redis", Probe: func(ctx context.Context) error { return queue.Probe(ctx, o.Redis) }},
		observe.Check{Name: "queue", Probe: watcher.Paused},
		observe.Check{Name: "queue_owner", Probe: watcher.Shared},
	)
	handler := http.NewServeMux()
	handler.Handle("/", health.Handler(registry))
	handler.Handle("GET /breakers", gate.Handler())
	ops, err := lifecycle.NewServer(o.OpsAddr, &http.Server{
		Handler:           linger.New(o.Wrap(profile.Handler(handler, o.Profiles)), linger.Options{Bytes: linger.Beyond}),
		ReadHeaderTimeout: headerTimeout,
	})
	if err != nil {
		return nil, err
	}
	a = &App{
		options: o, health: health, ops: ops, sender: out, gate: gate, watcher: watcher, deliverer: deliverer,
		pool: worker.New(o.Redis, claimer, lanes, deliverer, worker.Options{
			Concurrency:     o.Concurrency,
			ShutdownTimeout: o.attempt(),
			ForwardInterval: o.ForwardInterval,
			Tracing:         o.Tracing,
			Log:             o.Log,
			RedisLog:        redisLog,
		}),
		reconciler: reconcile.New(o.Store, enqueuer, lanes, deliverer, reconcile.Options{
			Interval: o.ReconcileInterval,
			Grace:    o.attempt(),
			Log:      o.Log,

			RedisUnavailable: outage.Active,
		}, registry),
		ender: deletion.New(deletion.Options{
			Store: o.Store, Log: o.Log, Ended: func(count int64) { deliverer.CountEnded(webhook.FailureEndpointDeleted, count) },
		}),
		purger:    retention.New(o.Store, retention.Options{Keep: o.Retention, Log: o.Log}, registry),
		eraser:    erasure.New(o.Store, erasure.Options{Log: o.Log}, registry),
		publisher: operational.New(o.Store, enqueuer, redisLog),
		summaries: summary.New(queue.NewSummaries(o.Redis), redisLog, gate, deliverer, claimer),
		minutes:   counter,
		merger:    rollup.New(o.Store, o.Log, registry),
		bulk:      bulkjob.New(bulkjob.Options{Store: o.Store, Queue: enqueuer, Log: o.Log, RedisLog: redisLog}, registry),
	}
	o.Store.OnOperational(a.publisher.Enqueue)
	return a, nil
}

// OpsAddr is the address of health and metrics, with the port that was bound.
func (a *App) OpsAddr() string { return a.ops.Addr() }

// Failed returns a channel that receives the error if the service fails.
func (a *App) Failed() <-chan error { return a.ops.Failed() }

// Start starts to deliver. It waits for a database or Redis that is unavailable. A schema that is too old is an error.
func (a *App) Start(ctx context.Context) error {
	if err := a.options.Store.CheckSchemaOrWait(ctx, a.options.Log); err != nil {
		return err
	}
	if err := queue.Check(ctx, a.options.Redis); err != nil {
		return err
	}
	a.options.Store.LogMissingKeys(ctx, a.options.Log)
	queue.WarnOnEviction(ctx, a.options.Redis, a.options.Log)

	a.ops.Start()
	a.started.Push("unrecorded outcomes", func(context.Context) error {
		a.deliverer.Abandon()
		return nil
	})
	a.minutes.Start()
	a.started.Push("the counts of attempts", a.minutes.Stop)
	a.summaries.Start()
	a.started.Push("the summaries", a.summaries.Stop)
	a.gate.Start()
	a.started.Push("the wakes of held deliveries", a.gate.Stop)
	a.started.Push("the workers", a.pool.Stop)
	if err := a.pool.Start(); err != nil {
		return fmt.Errorf("start the workers: %w", err)
	}
	a.reconciler.Start()
	a.started.Push("the reconciler", a.reconciler.Stop)
	a.watcher.Start()
	a.started.Push("the queue watcher", a.watcher.Stop)
	a.ender.Start()
	a.started.Push("the end of deleted endpoints", a.ender.Stop)
	a.publisher.Start()
	a.started.Push("the operational events", a.publisher.Stop)
	a.merger.Start()
	a.started.Push("the statistics", a.merger.Stop)
	a.bulk.Start()
	a.started.Push("the bulk jobs", a.bulk.Stop)
	a.purger.Start()
	a.started.Push("the purge", a.purger.Stop)
	a.eraser.Start()
	a.started.Push("the erasure", a.eraser.Stop)
	a.options.Log.InfoContext(ctx, "dispatcher started", "ops", a.OpsAddr(), "concurrency", a.options.Concurrency, "version", a.options.Version)
	return nil
}

// Stop makes the service unready, dequeues no more tasks and waits for deliveries in flight until ctx ends. It may be called more than
// once.
func (a *App) Stop(ctx context.Context) error {
	a.health.Drain()
	err := a.started.Unwind(ctx)
	a.sender.Close()
	return errors.Join(err, a.ops.Stop(ctx))
}

// TimeToStop is the longest duration of a Stop without failures.
func (a *App) TimeToStop() time.Duration { return a.options.attempt() + a.options.margin() }
