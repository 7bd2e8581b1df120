// Package app is the whole API service. The service's main runs it, and so can another process: the package uses neither signals nor
// environment variables.
package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/linger"
	"redrive/pkg/observe"
	"redrive/pkg/profile"
	"redrive/pkg/queue"
)

// timeToStop is longer than the longest answer takes.
const timeToStop = 30 * time.Second

// App is the API service.
type App struct {
	options Options
	parts   *parts
	health  *observe.Health
	ops     *lifecycle.Server
	api     *lifecycle.Server
	drain   sync.Once
}

// New builds the service and binds its addresses.
func New(o Options) (*App, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	registry := observe.NewRegistry()
	observe.BuildInfo(registry, "api-service", o.Version)
	observe.Pools(registry, o.Store.Stats, o.Redis)
	if o.Store.HasReplica() {
		observe.Replica(registry, o.Store.ReplicaStaleness, observe.ReplicaReads{
			Replica:  func() uint64 { return o.Store.ReplicaCounts().Replica },
			Primary:  func() uint64 { return o.Store.ReplicaCounts().Primary },
			Repeated: func() uint64 { return o.Store.ReplicaCounts().Repeated },
		})
	}
	observe.Storage(registry, o.Store.Full, o.Store.MissingKeyCount)
	p := newParts(o, registry)
	health := observe.NewHealth(p.checks...)
	api, err := lifecycle.NewServer(o.Addr, newHTTPServer(newHandler(o, p, registry), serverTimeouts, o.Log))
	if err != nil {
		return nil, err
	}
	ops, err := lifecycle.NewServer(o.OpsAddr, &http.Server{
		Handler:           linger.New(o.Wrap(profile.Handler(health.Handler(registry), o.Profiles)), linger.Options{Bytes: linger.Beyond}),
		ReadHeaderTimeout: serverTimeouts.header,
	})
	if err != nil {
		return nil, errors.Join(err, api.Stop(context.Background()))
	}
	return &App{options: o, parts: p, health: health, ops: ops, api: api}, nil
}

// Addr returns the address of the API, with the port that was bound.
func (a *App) Addr() string { return a.api.Addr() }

// OpsAddr returns the address of health and metrics, with the port that was bound.
func (a *App) OpsAddr() string { return a.ops.Addr() }

// Failed returns a channel that receives the error if the service fails.
func (a *App) Failed() <-chan error { return a.api.Failed() }

// Start starts to serve. It succeeds while the database or Redis is unavailable. It returns an error if the schema is too old.
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

// Stop makes the service unready, drains it for DrainDelay, answers the requests in progress until the context's deadline and then
// stops the parts behind the handlers.
func (a *App) Stop(ctx context.Context) error {
	a.health.Drain()
	a.drain.Do(func() { a.api.Drain(ctx, a.options.DrainDelay) })
	err := a.api.Stop(ctx)
	a.parts.close()
	return errors.Join(err, a.ops.Stop(ctx))
}

// TimeToStop returns how long Stop takes at most if nothing fails.
func (a *App) TimeToStop() time.Duration { return a.options.DrainDelay + timeToStop }
