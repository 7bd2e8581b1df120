// Package local is Redrive in one process, for trying it on a laptop with nothing installed: both services unchanged, a
// SQLite file in place of PostgreSQL, an in-process Redis, and a sample receiver. Nothing listens beyond loopback.
//
//	.local/redrive.db      the database; survives kill -9
//	.local/secrets-key     encrypts the signing secrets in it
//	.local/api-key         the raw API key, for pasting
//	.local/platform-key    the raw platform key, likewise
//	.local/addresses.json  where everything listens, once it does
//	.local/lock            held by the one instance that may use the folder
//
// The in-process Redis is empty at each start. The reconciler rebuilds the queue from the database, as it does in production after
// Redis was emptied.
package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"

	api "redrive/api-service/app"
	"redrive/deploy/receiver"
	dispatcher "redrive/dispatcher-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/linger"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// Organization is the owner of the API key that local mode creates.
const Organization = "org_local"

// Options of a Local.
type Options struct {
	// Dir is the folder of the data. Required.
	Dir string
	// APIAddr, OpsAddr and ReceiverAddr are the addresses to listen on. Default to a free port of 127.0.0.1.
	APIAddr, OpsAddr, ReceiverAddr string
	// DeliveryTimeout and RetrySchedule are settings of the dispatcher, with its defaults.
	DeliveryTimeout time.Duration
	RetrySchedule   []time.Duration
	// DatabaseTimeout bounds one statement of a request or a delivery. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// Retention is how long ended deliveries are kept. Defaults to no limit.
	Retention time.Duration
	// ErasureDelay is how long a deleted organization can be restored. Defaults to 0.
	ErasureDelay time.Duration
	// FailingAfter is how long an endpoint may fail before it is disabled. Defaults to no limit.
	FailingAfter time.Duration
	// OperationsOrganization also gets the operational events of all others. Defaults to none.
	OperationsOrganization string
	// Log defaults to slog.Default.
	Log *slog.Logger
}

const anyPort = "127.0.0.1:0"

func (o Options) withDefaults() Options {
	for _, addr := range []*string{&o.APIAddr, &o.OpsAddr, &o.ReceiverAddr} {
		if *addr == "" {
			*addr = anyPort
		}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

// Local is Redrive in one process.
type Local struct {
	dir        *directory
	store      *store.Store
	receiver   *lifecycle.Server
	dispatcher *dispatcher.App
	api        *api.App
	key        webhook.Secret
	platform   webhook.Secret
	opened     lifecycle.Stack // used by the services
	serving    lifecycle.Stack // the services, and the receiver
}

// New opens the folder, migrates its database and binds the addresses. It fails if another instance uses the folder.
func New(ctx context.Context, options Options) (_ *Local, err error) {
	o := options.withDefaults()
	l := &Local{}
	defer func() {
		if err != nil {
			_ = l.Stop(context.WithoutCancel(ctx)) // the first error is returned
		}
	}()

	if l.dir, err = openDirectory(o.Dir); err != nil {
		return nil, err
	}
	l.opened.Push("the folder", func(context.Context) error { return l.dir.close() })
	if l.store, err = l.dir.openStore(ctx); err != nil {
		return nil, err
	}
	l.opened.Push("the database", func(context.Context) error { return l.store.Close() })
	if l.key, err = l.dir.rawKey(ctx, l.store, apiKeyFile, localKey); err != nil {
		return nil, err
	}
	if l.platform, err = l.dir.rawKey(ctx, l.store, platformKeyFile, localPlatformKey); err != nil {
		return nil, err
	}
	client, stopRedis, err := startRedis()
	if err != nil {
		return nil, err
	}
	l.opened.Push("the in-process Redis", func(context.Context) error { return stopRedis() })
	return l, l.bind(o, client)
}

// bind creates the parts that listen.
func (l *Local) bind(o Options, client redis.UniversalClient) (err error) {
	guard := egress.New(egress.Config{
		AllowHTTP: true,
		Allow:     []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	})
	hosts := newOwnHosts(o.APIAddr, o.OpsAddr, o.ReceiverAddr)
	l.receiver, err = lifecycle.NewServer(o.ReceiverAddr, &http.Server{
		Handler:           linger.New(hosts.wrap(receiver.New(signingKeys(l.store))), linger.Options{Bytes: receiver.MaxBody + linger.Beyond}),
		ReadHeaderTimeout: receiverTimeout,
	})
	if err != nil {
		return plainly(err, "the sample receiver", map[string]string{o.ReceiverAddr: "RECEIVER_ADDR"})
	}
	l.serving.Push("the sample receiver", l.receiver.Stop)
	l.store.SetOperations(webhook.Operations{FailingAfter: o.FailingAfter, Organization: o.OperationsOrganization})
	l.dispatcher, err = dispatcher.New(dispatcher.Options{
		Store: l.store, Redis: client, Guard: guard, Log: o.Log, OpsAddr: anyPort, Wrap: hosts.wrap,
		DeliveryTimeout: o.DeliveryTimeout, RetrySchedule: o.RetrySchedule, Retention: o.Retention, Version: "local",
		DatabaseTimeout: o.DatabaseTimeout,
	})
	if err != nil {
		return fmt.Errorf("the dispatcher: %w", err)
	}
	l.serving.Push("the dispatcher", l.dispatcher.Stop)
	l.api, err = api.New(api.Options{
		Store: l.store, Redis: client, Guard: guard, Log: o.Log, Addr: o.APIAddr, OpsAddr: o.OpsAddr,
		Version: "local", Wrap: hosts.wrap, DatabaseTimeout: o.DatabaseTimeout, ErasureDelay: o.ErasureDelay,
		// A process that reaches loopback can read the folder too.
		Queues:  api.Queues{Open: true},
		Console: api.Console{Mode: "all", Name: "Redrive", Open: true, Home: Organization},
	})
	if err != nil {
		return plainly(err, "the API", map[string]string{o.OpsAddr: "OPS_ADDR", o.APIAddr: "API_ADDR"})
	}
	l.serving.Push("the API", l.api.Stop)
	return nil
}

const receiverTimeout = 5 * time.Second

// Start starts the services and the receiver.
func (l *Local) Start(ctx context.Context) error {
	l.receiver.Start()
	if err := l.dispatcher.Start(ctx); err != nil {
		return fmt.Errorf("start the dispatcher: %w", err)
	}
	if err := l.api.Start(ctx); err != nil {
		return fmt.Errorf("start the API: %w", err)
	}
	return nil
}

// Announce writes the addresses into the folder. Call it after Start and Seed.
func (l *Local) Announce() error { return l.dir.writeAddresses(l.Addresses()) }

// Failed returns a channel with the error of a part that stopped unexpectedly.
func (l *Local) Failed() <-chan error { return l.api.Failed() }

// Stop stops all parts in reverse order and releases the folder. It may be called at any time and repeatedly. If ctx ends first, Stop
// does not close what the running parts use: asynq panics if its Redis client is closed.
func (l *Local) Stop(ctx context.Context) error {
	if err := l.serving.Unwind(ctx); err != nil {
		return err
	}
	return l.opened.Unwind(ctx)
}

// TimeToStop returns the longest normal duration of Stop.
func (l *Local) TimeToStop() time.Duration { return l.api.TimeToStop() + l.dispatcher.TimeToStop() }

// Addresses are base URLs, and one page.
type Addresses struct {
	API      string `json:"api"`
	Receiver string `json:"receiver"`
	Ops      string `json:"ops"`
	// Breakers is the dispatcher's page of circuit breakers.
	Breakers string `json:"breakers"`
}

// Addresses returns the addresses of all parts.
func (l *Local) Addresses() Addresses {
	return Addresses{
		API:      "http://" + l.api.Addr(),
		Receiver: "http://" + l.receiver.Addr(),
		Ops:      "http://" + l.api.OpsAddr(),
		Breakers: "http://" + l.dispatcher.OpsAddr() + "/breakers",
	}
}
