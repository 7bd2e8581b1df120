package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

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
)

// applicationName is what the database shows of us.
const applicationName = "redrive-api"

func serve(ctx context.Context, environ []string, logTo io.Writer) (err error) {
	settings, wrong := config.LoadAPI(config.Environ(environ))
	opened, alsoWrong := backend.Open(settings.Shared, applicationName)
	if opened != nil {
		defer func() { err = errors.Join(err, opened.Close()) }()
	}
	if err := config.Problems(wrong, alsoWrong); err != nil {
		return invalidError{err}
	}

	log := observe.NewLogger(logTo, settings.Level, settings.Format)
	slog.SetDefault(log) // what libraries say has its place in the log too
	lifecycle.LimitMemory(ctx, log)
	queue.LogTo(log)
	traces, err := otlp.Open(ctx, settings.Tracing, "api-service", version, log)
	if err != nil {
		return err
	}
	defer traces.Close()
	service, err := app.New(app.Options{
		Tracing:         traces.Tracing(),
		Store:           opened.Store,
		Redis:           opened.Redis,
		Version:         version,
		DrainDelay:      settings.DrainDelay,
		DatabaseTimeout: settings.Statements.Timeout,
		Guard:           egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow, NAT64: settings.NAT64}),
		Log:             log,
		Addr:            settings.Addr,
		OpsAddr:         settings.OpsAddr,
		Limits: app.Limits{
			PerKey: settings.RateLimit, Strangers: settings.StrangerRateLimit, TrustedProxies: settings.TrustedProxies,
		},
		CORSOrigins: settings.CORSOrigins,
		Queues:      app.Queues{Password: settings.OperatorPassword.Reveal(), Writable: !settings.QueuesReadOnly},
	})
	if err != nil {
		return err
	}
	return lifecycle.Run(ctx, service, service.TimeToStop())
}

// healthcheck is for a container, whose settings are those of the service in it.
func healthcheck(ctx context.Context, environ []string) error {
	settings, err := config.LoadAPI(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	return observe.Healthcheck(ctx, settings.OpsAddr, "/readyz")
}

// withDatabase runs a command that needs the database and no secrets.
func withDatabase(environ []string, do func(*store.Store) error) (err error) {
	settings, err := config.LoadDatabase(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	opened, err := postgres.Open(postgres.Options{
		URL: settings.URL.Reveal(), ApplicationName: applicationName, MaxConnections: settings.MaxConnections,
	}, nil) // nothing that is sealed is touched
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
		_, err = fmt.Fprintln(stdout, "the schema is up to date")
		return err
	})
}
