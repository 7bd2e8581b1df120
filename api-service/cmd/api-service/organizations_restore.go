package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"redrive/api-service/internal/organizations"
	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/queue"
	"redrive/pkg/store"
)

// found is the time within which dispatchers find waiting deliveries by themselves: a reconciler passes every 5 s, and looks at 10,000 deliveries that have
// been due for 35 s.
const found = "dispatchers find the waiting deliveries by themselves, about 40 s after each is due, and up to 10,000 every 5 s"

// restoreOrganization restores a deleted organization, and has its waiting deliveries sent. It creates no organization. Redis is used if its
// URL is set. Otherwise the command prints when dispatchers find the deliveries.
func restoreOrganization(ctx context.Context, environ []string, id string, stdout io.Writer) (err error) {
	settings, err := config.LoadRestoring(config.Environ(environ))
	if err != nil {
		return invalidError{err}
	}
	if settings.Redis.URL == "" {
		return restoreWith(ctx, settings.Database, organizations.Options{}, id, stdout)
	}
	client, err := backend.ConnectRedis(settings.Redis)
	if err != nil {
		return invalidError{err}
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return restoreWith(ctx, settings.Database, organizations.Options{Lanes: queue.NewLanes(client)}, id, stdout)
}

func restoreWith(ctx context.Context, database config.Database, options organizations.Options, id string, stdout io.Writer) error {
	return withStore(database, nil, withTables(ctx, func(s *store.Store) error {
		unopened, err := organizations.New(s, options).Restore(ctx, id)
		if err != nil {
			return err
		}
		return reportRestored(stdout, options.Lanes != nil, unopened)
	}))
}

func reportRestored(stdout io.Writer, redis bool, unopened error) (err error) {
	switch {
	case !redis:
		_, err = fmt.Fprintf(stdout, "restored; without REDIS_URL, %s\n", found)
	case unopened != nil:
		_, err = fmt.Fprintf(stdout, "restored; Redis did not work (%v), so %s; the same command again tries Redis again\n", unopened, found)
	default:
		_, err = fmt.Fprintln(stdout, "restored; its waiting deliveries are sent")
	}
	return err
}
