// Package backend opens the store in PostgreSQL and the Redis client that both services use.
package backend

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"redrive/pkg/config"
	"redrive/pkg/keyring"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/tracing"
)

// Backend is a store and a Redis client. Close closes both.
type Backend struct {
	Store *store.Store
	Redis redis.UniversalClient
}

// Open creates the store and the Redis client from the settings. It does not connect. A service that reads from no replica passes the zero
// Replica. The error joins all problems of the settings that are present; package config reports missing ones.
func Open(settings config.Shared, replica config.Replica, application string) (*Backend, error) {
	var b Backend
	var statements pgx.QueryTracer // nil disables tracing of statements
	if settings.Tracing.Endpoint != "" {
		statements = tracing.Statements{}
	}
	var problems []error
	keys, err := keyring.Parse(settings.SecretsKey.Reveal())
	if err != nil && settings.SecretsKey != "" {
		problems = append(problems, fmt.Errorf("SECRETS_KEY is not valid: %w", err))
	}
	if settings.Redis.URL != "" {
		if b.Redis, err = ConnectRedis(settings.Redis); err != nil {
			problems = append(problems, err)
		}
	}
	b.Store, err = postgres.Open(postgres.Options{
		URL: settings.Database.URL.Reveal(), ReplicaURL: replica.URL.Reveal(), ApplicationName: application, MaxConnections: settings.MaxConnections,
		StatementTimeout: settings.Statements.Timeout, Tracer: statements,
	}, keys)
	if err != nil && settings.Database.URL != "" {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, errors.Join(append(problems, b.Close())...)
	}
	return &b, nil
}

// ConnectRedis creates a Redis client from the settings. It does not connect. The error does not quote the URL.
func ConnectRedis(settings config.Redis) (redis.UniversalClient, error) {
	files := queue.TLSFiles{CA: settings.CAFile, Cert: settings.CertFile, Key: settings.KeyFile}
	return queue.ConnectTLS(settings.URL.Reveal(), files)
}

// Close closes the store and the client, and returns the errors of both.
func (b *Backend) Close() error {
	var failures []error
	if b.Redis != nil {
		failures = append(failures, b.Redis.Close())
	}
	if b.Store != nil {
		failures = append(failures, b.Store.Close())
	}
	return errors.Join(failures...)
}
