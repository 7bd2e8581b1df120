package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"redrive/api-service/app"
	"redrive/pkg/config"
	"redrive/pkg/egress"
	"redrive/pkg/keyring"
	"redrive/pkg/lifecycle"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
)

func serve(ctx context.Context, environ []string, logTo io.Writer) (err error) {
	settings, err := config.LoadAPI(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	secrets, err := keyring.Parse(settings.SecretsKey.Reveal())
	if err != nil {
		return invalid("SECRETS_KEY: %w", err)
	}
	redis, err := queue.Connect(settings.RedisURL.Reveal())
	if err != nil {
		return invalidError{err}
	}
	defer func() { err = errors.Join(err, redis.Close()) }()
	opened, err := open(settings.Database, secrets)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()

	log := observe.NewLogger(logTo, settings.Level, settings.Format)
	slog.SetDefault(log) // what libraries say has its place in the log too
	queue.LogTo(log)
	service, err := app.New(app.Options{
		Store:   opened,
		Redis:   redis,
		Guard:   egress.New(egress.Config{AllowHTTP: settings.AllowHTTP, Allow: settings.Allow}),
		Log:     log,
		Addr:    settings.Addr,
		OpsAddr: settings.OpsAddr,
		Queues:  app.Queues{Password: settings.OperatorPassword.Reveal(), Writable: !settings.QueuesReadOnly},
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

func open(settings config.Database, sealer store.Sealer) (*store.Store, error) {
	opened, err := postgres.Open(postgres.Options{
		URL: settings.URL.Reveal(), ApplicationName: "redrive-api", MaxConnections: settings.MaxConnections,
	}, sealer)
	if err != nil {
		return nil, invalidError{err}
	}
	return opened, nil
}

// withDatabase runs a command that needs the database and no secrets.
func withDatabase(environ []string, do func(*store.Store) error) (err error) {
	settings, err := config.LoadDatabase(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	opened, err := open(settings, nil) // nothing that is sealed is touched
	if err != nil {
		return err
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
