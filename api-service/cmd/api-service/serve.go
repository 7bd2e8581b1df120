package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"redrive/api-service/app"
	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/lifecycle"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/tracing/otlp"
	"redrive/pkg/webhook"
)

// applicationName is the name of this service in pg_stat_activity.
const applicationName = "redrive-api"

func serve(ctx context.Context, environ []string, logTo io.Writer) (err error) {
	settings, wrong := config.LoadAPI(config.Environ(environ))
	opened, alsoWrong := backend.Open(settings.Shared, settings.Replica, applicationName)
	if opened != nil {
		defer func() { err = errors.Join(err, opened.Close()) }()
	}
	if err := config.Problems(wrong, alsoWrong); err != nil {
		return invalidError{err}
	}

	log := observe.NewLogger(logTo, settings.Level, settings.Format)
	slog.SetDefault(log) // libraries log to the default logger
	lifecycle.LimitMemory(ctx, log)
	queue.LogTo(log)
	for _, name := range config.OldNames(config.Environ(environ)) {
		log.WarnContext(ctx, "setting has an old name", "old", name.Old, "new", name.New)
	}
	traces, err := otlp.Open(ctx, settings.Tracing, "api-service", version, log)
	if err != nil {
		return err
	}
	defer traces.Close()
	opened.Store.SetOperations(webhook.Operations{Organization: settings.Operations.Organization})
	service, err := app.New(app.Options{
		Tracing:         traces.Tracing(),
		Store:           opened.Store,
		Redis:           opened.Redis,
		Version:         version,
		DrainDelay:      settings.DrainDelay,
		ErasureDelay:    settings.Erasure.Delay,
		DatabaseTimeout: settings.Statements.Timeout,
		Memory:          int64(settings.Memory),
		Guard:           egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow, NAT64: settings.NAT64}),
		Log:             log,
		Addr:            settings.Addr,
		OpsAddr:         settings.OpsAddr,
		Profiles:        settings.Profiles.Profiles,
		Limits: app.Limits{
			PerKey: settings.RateLimit, Unauthenticated: settings.UnauthenticatedRateLimit, TrustedProxies: settings.TrustedProxies,
		},
		CORSOrigins: settings.CORSOrigins,
		PublicURL:   string(settings.Console.PublicURL),
		Console: app.Console{
			Mode: settings.Console.Mode, Name: settings.Console.Name, Accent: settings.Console.Accent,
			ReturnURL: settings.Console.ReturnURL, FrameAncestors: settings.Console.FrameAncestors,
		},
		Queues: app.Queues{Password: settings.OperatorPassword.Reveal(), Writable: !settings.QueuesReadOnly},
	})
	if err != nil {
		return err
	}
	return lifecycle.Run(ctx, service, service.TimeToStop())
}

// healthcheck checks the readiness of the service in the same container, which has the same settings.
func healthcheck(ctx context.Context, environ []string) error {
	settings, err := config.LoadAPI(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	return observe.Healthcheck(ctx, settings.OpsAddr, "/readyz")
}

// withDatabase runs a command that needs the database and no sealed values.
func withDatabase(environ []string, do func(*store.Store) error) error {
	settings, err := config.LoadDatabase(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	return withStore(settings, nil, do)
}

// withTables calls a function of a command if the store has the tables of this version. Otherwise it returns an error that names the command
// which makes them.
func withTables(ctx context.Context, do func(*store.Store) error) func(*store.Store) error {
	return func(s *store.Store) error {
		if err := s.CheckSchema(ctx); err != nil {
			return err
		}
		return do(s)
	}
}

// withStore opens the store for a command and closes it afterwards.
func withStore(settings config.Database, sealer store.Sealer, do func(*store.Store) error) (err error) {
	opened, err := postgres.Open(postgres.Options{
		URL: settings.URL.Reveal(), ApplicationName: applicationName, MaxConnections: settings.MaxConnections,
	}, sealer)
	if err != nil {
		return invalidError{err}
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return do(opened)
}

func migrate(ctx context.Context, environ []string, stdout io.Writer) error {
	return withDatabase(environ, func(s *store.Store) error {
		applied, err := s.Migrate(ctx)
		if err != nil {
			return err
		}
		for _, name := range applied {
			_, _ = fmt.Fprintln(stdout, "applied", name)
		}
		if slices.Contains(applied, reservingMigration) {
			warnReserved(ctx, s, stdout)
		}
		_, err = fmt.Fprintln(stdout, "the schema is up to date")
		return err
	})
}

// reservingMigration is the first migration of the version that reserves event types. A database that has it can contain reserved types
// only in what Redrive made itself.
const reservingMigration = "00010_organizations.sql"

// warnReserved lists what uses event types that this version reserves. A failure is a warning too: the schema has been migrated.
func warnReserved(ctx context.Context, s *store.Store, stdout io.Writer) {
	found, err := s.FindReserved(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(stdout, "warning: event types that begin with %s are reserved; whether any is used was not found out: %v\n", webhook.ReservedPrefix, err)
		return
	}
	for _, name := range found.EventTypes {
		_, _ = fmt.Fprintf(stdout, "warning: there are events of the type %s; publishing it is refused from now on\n", name)
	}
	for _, id := range found.Endpoints {
		_, _ = fmt.Fprintf(stdout, "warning: endpoint %s subscribes to event types that begin with %s, which are reserved\n", id, webhook.ReservedPrefix)
	}
}
