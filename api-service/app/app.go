// Package app is the API service as a whole, to be started by its own main or inside another process. It touches neither
// signals nor the environment.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"redrive/api-service/internal/apikeys"
	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/endpoints"
	"redrive/api-service/internal/handover"
	"redrive/api-service/internal/httpapi"
	"redrive/api-service/internal/keyuse"
	"redrive/api-service/internal/linger"
	"redrive/api-service/internal/publish"
	"redrive/api-service/internal/redeliver"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Queues opens the queue's web UI; see httpapi.QueuesOptions.
type Queues = httpapi.QueuesOptions

// Limits bound what one caller may ask; see httpapi.Limits.
type Limits = httpapi.Limits

// Options of the API service.
type Options struct {
	// Store and Redis stay the caller's to close, after Stop. Required.
	Store *store.Store
	Redis redis.UniversalClient
	// Guard says which destinations an endpoint may have. Required.
	Guard *egress.Guard
	// Log defaults to slog.Default.
	Log *slog.Logger
	// Addr is where the API listens. Defaults to :8080.
	Addr string
	// OpsAddr is where health and metrics listen. Defaults to :9090.
	OpsAddr string
	// Queues opens the queue's web UI; the zero value leaves it out.
	Queues Queues
	// Limits bound what one caller may ask; the zero value sets none.
	Limits Limits
	// CORSOrigins are the origins, such as https://app.example.com, whose pages may call the API from a browser. Defaults to none.
	CORSOrigins []string
	// Wrap is put around the handlers of both addresses. Defaults to none.
	Wrap func(http.Handler) http.Handler
	// Version is what metrics say is running. Defaults to dev.
	Version string
	// Tracing makes spans of requests. Defaults to none.
	Tracing trace.TracerProvider
	// DatabaseTimeout bounds one statement of the database; a batch of events may take three times as long. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// DrainDelay is how long Stop goes on serving, unready, before it closes the address. Defaults to not at all.
	DrainDelay time.Duration
}

const (
	defaultAddr    = ":8080"
	defaultOpsAddr = ":9090"
)

// gatherFor is how long the queue is told of a delivery together with others': requests that shared a commit come at once, and each
// of them waits for its answer.
const gatherFor = 500 * time.Microsecond

// beyondLargest is how much larger than any route allows a body may be for its refusal to reach a client that writes all of it before
// it reads, in bytes. Such bodies are read to their end and discarded.
const beyondLargest = 2 << 20

// timeToStop covers the longest answer.
const timeToStop = 30 * time.Second

// App is the API service.
type App struct {
	options   Options
	health    *observe.Health
	ops       *lifecycle.Server
	api       *lifecycle.Server
	publisher *publish.Publisher
	retrier   *redeliver.Redeliverer
	handover  *handover.Handover
	gathered  *queue.Pipelined
	uses      *keyuse.Recorder
	keys      *authn.Authenticator
	drain     sync.Once
}

// New binds the addresses and puts the parts together.
func New(o Options) (*App, error) {
	if o.Store == nil || o.Redis == nil || o.Guard == nil {
		return nil, errors.New("the API needs a store, a Redis client and an egress guard")
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Addr == "" {
		o.Addr = defaultAddr
	}
	if o.OpsAddr == "" {
		o.OpsAddr = defaultOpsAddr
	}
	if o.Wrap == nil {
		o.Wrap = func(handler http.Handler) http.Handler { return handler }
	}
	registry := observe.NewRegistry()
	observe.BuildInfo(registry, "api-service", o.Version)
	observe.Pools(registry, o.Store.Stats, o.Redis)
	observe.Storage(registry, o.Store.Full, o.Store.MissingKeyCount)
	subscriptions := publish.Remember(o.Store)
	uses := keyuse.New(o.Store, o.Log)
	authenticator := authn.New(o.Store, uses, authn.Options{Timeout: o.DatabaseTimeout})
	changed := changes{o.Store, subscriptions, authenticator}
	gathered := queue.NewPipelined(o.Redis, gatherFor)
	outage := queue.NewOutage(o.Redis, o.Log, registry)
	enqueuer := queue.NewEnqueuer(gathered)
	hand := handover.New(enqueuer, outage.Quiet(o.Log), registry)
	kept := newCounted(o.Store, registry)
	publisher := publish.New(subscriptions, kept, hand, publish.Options{Timeout: o.DatabaseTimeout})
	retrier := redeliver.New(kept, hand, redeliver.Options{Timeout: o.DatabaseTimeout})
	handler := httpapi.New(httpapi.Dependencies{
		Store:           changed,
		Authenticator:   authenticator,
		Registry:        endpoints.New(changed, destinations{o.Guard}),
		Publisher:       publisher,
		Redeliverer:     retrier,
		Issuer:          apikeys.New(changed),
		Limits:          o.Limits,
		DatabaseTimeout: o.DatabaseTimeout,
		CORSOrigins:     o.CORSOrigins,
		Redis:           o.Redis,
		Queues:          o.Queues,
		Log:             o.Log,
		Metrics:         registry,
	})
	if o.Tracing != nil {
		handler = traced(handler, o.Tracing)
	}
	handler = linger.New(o.Wrap(handler), linger.Options{Bytes: httpapi.LargestBody + beyondLargest, Time: patience.read})
	health := observe.NewHealth(
		observe.Check{Name: "database", Required: true, Probe: o.Store.Ping},
		observe.Check{Name: "storage", Probe: o.Store.CheckSpace},
		observe.Check{Name: "keys", Probe: o.Store.CheckKeys},
		observe.Check{Name: "redis", Probe: func(ctx context.Context) error { return queue.Probe(ctx, o.Redis) }},
		observe.Check{Name: "queue", Probe: func(ctx context.Context) error { return pausedOnly(enqueuer.CheckPaused(ctx, webhook.QueueDeliveries)) }},
	)
	api, err := lifecycle.NewServer(o.Addr, newHTTPServer(handler, patience, o.Log))
	if err != nil {
		return nil, err
	}
	ops, err := lifecycle.NewServer(o.OpsAddr, &http.Server{Handler: o.Wrap(health.Handler(registry)), ReadHeaderTimeout: patience.header})
	if err != nil {
		return nil, errors.Join(err, api.Stop(context.Background()))
	}
	return &App{
		options: o, health: health, ops: ops, api: api, publisher: publisher, retrier: retrier, handover: hand, gathered: gathered,
		uses: uses, keys: authenticator,
	}, nil
}

// pausedOnly leaves out that Redis is away, which is another check's.
func pausedOnly(err error) error {
	if errors.Is(err, queue.ErrPaused) {
		return err
	}
	return nil
}

// Addr is the address of the API, with the port that was bound.
func (a *App) Addr() string { return a.api.Addr() }

// OpsAddr is the address of health and metrics, with the port that was bound.
func (a *App) OpsAddr() string { return a.ops.Addr() }

// Failed delivers the error that ended the service by itself.
func (a *App) Failed() <-chan error { return a.api.Failed() }

// Start begins to serve. A database or Redis that is away is waited for; a schema that is too old is an error.
func (a *App) Start(ctx context.Context) error {
	if err := a.options.Store.CheckSchemaOrWait(ctx, a.options.Log); err != nil {
		return err
	}
	if err := queue.Check(ctx, a.options.Redis); err != nil {
		return err
	}
	a.options.Store.LogMissingKeys(ctx, a.options.Log)
	a.ops.Start()
	a.api.Start()
	a.options.Log.InfoContext(ctx, "API started", "addr", a.Addr(), "ops", a.OpsAddr())
	return nil
}

// Stop becomes unready, answers the requests in progress until the context's deadline, and ends.
func (a *App) Stop(ctx context.Context) error {
	a.health.Drain()
	a.drain.Do(func() { a.api.Drain(ctx, a.options.DrainDelay) })
	err := a.api.Stop(ctx)
	a.publisher.Close()
	a.retrier.Close()
	a.handover.Wait()
	a.gathered.Drain()
	a.keys.Close()
	a.uses.Close()
	return errors.Join(err, a.ops.Stop(ctx))
}

// TimeToStop is how long Stop can take when all goes well.
func (a *App) TimeToStop() time.Duration { return a.options.DrainDelay + timeToStop }
