package app

import (
	"context"
	"errors"

	"redrive/api-service/internal/operations"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// newChecks returns the checks of what the service depends on, for /readyz and for the operator's page.
func newChecks(o Options, tasks *queue.Enqueuer) []observe.Check {
	checks := []observe.Check{
		{Name: operations.CheckDatabase, Required: true, Probe: o.Store.Ping},
		{Name: operations.CheckStorage, Probe: o.Store.CheckSpace},
		{Name: operations.CheckKeys, Probe: o.Store.CheckKeys},
		{Name: operations.CheckRedis, Probe: func(ctx context.Context) error { return queue.Probe(ctx, o.Redis) }},
		{Name: operations.CheckQueue, Probe: func(ctx context.Context) error { return onlyPaused(tasks.CheckPaused(ctx, webhook.QueueDeliveries)) }},
	}
	if o.Store.HasReplica() {
		checks = append(checks, observe.Check{Name: operations.CheckReplica, Probe: o.Store.CheckReplica})
	}
	return checks
}

// onlyPaused drops the errors of an unavailable Redis, which the check "redis" reports.
func onlyPaused(err error) error {
	if errors.Is(err, queue.ErrPaused) {
		return err
	}
	return nil
}
