//go:build containers

package docker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/containers"
	"redrive/pkg/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crashed and partitioned are the kinds of a fault for the audit.
var (
	crashed = map[string][]audit.Kind{
		containers.API:        {audit.APIKilled},
		containers.Dispatcher: {audit.DispatcherKilled},
		containers.Redis:      {audit.RedisKilled},
		containers.Postgres:   {audit.PostgresStopped},
		containers.Proxy:      {audit.APIKilled},
	}
	partitioned = map[string][]audit.Kind{
		containers.API:        {audit.APIStopped},
		containers.Dispatcher: {audit.RedisPartitioned, audit.PostgresPartitioned},
		containers.Redis:      {audit.RedisPartitioned},
		containers.Postgres:   {audit.PostgresPartitioned},
		containers.Proxy:      {audit.APIStopped},
	}
)

// networkOf returns the network from which a service is disconnected: the network of the databases, if it is in it.
func networkOf(service string) string {
	if service == containers.Proxy {
		return "edge"
	}
	return "data"
}

// TestContainersFaults crashes each service and disconnects it, under load.
func TestContainersFaults(t *testing.T) {
	for _, service := range []string{containers.Redis, containers.Postgres, containers.Dispatcher, containers.API, containers.Proxy} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			w := start(t, "faults-"+service, containers.ProjectOptions{})
			w.crash(service)
			w.partition(service, 5*time.Second)
			w.partition(service, time.Minute)
			w.finish()
		})
	}
}

// crash kills a container's process. The engine starts it again.
func (w *world) crash(service string) {
	w.t.Helper()
	before, err := w.Container(w.ctx, service)
	require.NoError(w.t, err)
	began := time.Now()
	require.NoError(w.t, w.Crash(w.ctx, service))
	w.eventually(service+" is started again", func() bool {
		c, err := w.Container(w.ctx, service)
		require.NoError(w.t, err)
		return c.State.StartedAt.After(before.State.StartedAt) && c.Healthy()
	})
	w.over("the crash of "+service, began, crashed[service])
}

// partition disconnects a container from a network for a while.
func (w *world) partition(service string, length time.Duration) {
	w.t.Helper()
	began := time.Now()
	reconnect, err := w.Disconnect(w.ctx, service, networkOf(service))
	require.NoError(w.t, err)
	_ = lifecycle.Sleep(w.ctx, length) // an end of the test ends the partition early
	require.NoError(w.t, reconnect(context.WithoutCancel(w.ctx)))
	w.over("the partition of "+service+" for "+length.String(), began, partitioned[service])
}

// over records a fault and measures the recovery of the stack: until an event that is published now is accepted and a webhook is sent.
func (w *world) over(what string, began time.Time, kinds []audit.Kind) {
	w.t.Helper()
	over := time.Now()
	for _, kind := range kinds {
		w.Fault(audit.Fault{Kind: kind, Began: began, Over: over})
	}
	var accepted, sent time.Duration
	w.eventually("the stack works after "+what, func() bool {
		if accepted == 0 && w.load.AcceptedAfter(over) {
			accepted = time.Since(over)
		}
		if sent == 0 && w.receiver.SeenAfter(over) {
			sent = time.Since(over)
		}
		return accepted > 0 && sent > 0
	})
	w.t.Logf("after %s (%s) an event was accepted after %s, and one sent after %s", what, over.Sub(began).Round(time.Millisecond),
		accepted.Round(time.Millisecond), sent.Round(time.Millisecond))
	assert.Less(w.t, accepted, recoveryLimit, "accepted after %s", what)
	assert.Less(w.t, sent, recoveryLimit, "sent after %s", what)
}
