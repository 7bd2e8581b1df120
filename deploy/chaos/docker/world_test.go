//go:build containers

package docker

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/deploy/chaos/internal/journal"
	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/chaos/internal/receiver"
	"redrive/deploy/chaos/internal/records"
	"redrive/deploy/containers"
	"redrive/deploy/stack/process"
)

const (
	// rate is the number of deliveries that are published per second. Each organization gets an equal part, so these are about 80 events.
	rate = 105
	// thinkTime is the receiver's average time for an answer.
	thinkTime = 100 * time.Millisecond
	// deliveryTimeout is longer than a slow answer of the receiver.
	deliveryTimeout = 5 * time.Second
	schedule        = "1s,1s,1s,2s"
	maxRetries      = 4
	// patience is the longest time that a test waits for an expected event. It passes only if something is broken.
	patience = 3 * time.Minute
	// recoveryLimit is the permitted time from the end of a fault until the stack works again.
	recoveryLimit = 10 * time.Second
	// limit of one project's whole life
	limit = 20 * time.Minute
)

// world is a project under load.
type world struct {
	*containers.Project
	t        *testing.T
	ctx      context.Context
	receiver *receiver.Receiver
	load     *load.Load
	paths    map[string]string
	keys     []string
	journal.Journal
	// halt ends the load and waits for it.
	halt func()
}

// start starts a project, and a load that lasts until finish.
func start(t *testing.T, name string, options containers.ProjectOptions) *world {
	t.Helper()
	session, err := containers.Join()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx}
	w.receiver, err = receiver.New(receiver.Options{Think: thinkTime, Host: session.Receivers, Anonymous: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, w.receiver.Close()) })

	options.Settings = map[string]string{
		"EGRESS_ALLOW_HTTP": "true", "EGRESS_ALLOW": session.Receivers + "/32",
		"RETRY_SCHEDULE": schedule, "DELIVERY_TIMEOUT": deliveryTimeout.String(),
	}
	w.Project, err = session.NewProject(ctx, name, options)
	require.NoError(t, err)
	t.Cleanup(w.remove)
	require.NoError(t, w.Up(ctx))
	w.publish()
	return w
}

// publish starts the load.
func (w *world) publish() {
	w.t.Helper()
	client := load.NewClient()
	w.t.Cleanup(client.CloseIdleConnections)
	registration := load.Registration{API: w.URL(), Client: client, NewKey: w.newKey, Receiver: w.receiver, MaxRetries: maxRetries}
	organizations, paths, err := registration.Register(w.ctx)
	require.NoError(w.t, err)
	w.load, w.paths = load.New(w.URL(), client, organizations), paths

	ctx, stop := context.WithCancel(w.ctx)
	var publishing sync.WaitGroup
	publishing.Go(func() { w.load.Publish(ctx, rate*int(limit/time.Second), limit, nil) })
	w.halt = func() {
		stop()
		publishing.Wait()
	}
	w.t.Cleanup(w.halt)
	w.eventually("the first deliveries arrive", func() bool { return w.receiver.Count() > rate })
}

func (w *world) newKey(ctx context.Context, organization string) (string, error) {
	key, err := w.Exec(ctx, containers.API, nil, "/api-service", "keys", "create", "--organization", organization, "--name", "chaos", "--scope", "read-write")
	w.keys = append(w.keys, key)
	return key, err
}

// remove shows the logs of a failed test and removes the project.
func (w *world) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if w.t.Failed() {
		for _, service := range []string{containers.Proxy, containers.API, containers.Dispatcher, containers.Redis, containers.Postgres} {
			log, err := w.Logs(ctx, "--tail", "40", service)
			assert.NoError(w.t, err)
			w.t.Logf("the end of the log of %s:\n%s", service, log)
		}
	}
	assert.NoError(w.t, w.Down(ctx, "--volumes"))
}

// connect opens the database at the container's present address.
func (w *world) connect() *pgx.Conn {
	w.t.Helper()
	address, err := w.Address(w.ctx, containers.Postgres, "data")
	require.NoError(w.t, err)
	connection, err := pgx.Connect(w.ctx, fmt.Sprintf("postgres://redrive:%s@%s/redrive", w.Value("POSTGRES_PASSWORD"), net.JoinHostPort(address, "5432")))
	require.NoError(w.t, err)
	return connection
}

// finish ends the load, waits until every delivery has ended, stops the services with SIGTERM and runs the audit.
func (w *world) finish() audit.Result {
	w.t.Helper()
	w.halt()
	database := w.connect()
	defer func() { assert.NoError(w.t, database.Close(w.ctx)) }()
	w.eventually("every delivery ends", func() bool {
		waiting, err := records.Waiting(w.ctx, database)
		require.NoError(w.t, err)
		return !waiting
	})
	_, err := w.Compose(w.ctx, "stop", containers.API, containers.Dispatcher)
	require.NoError(w.t, err)
	w.endedWell(containers.API, containers.Dispatcher)
	history := w.history(database)
	result := audit.Check(history)
	w.report(result)
	return result
}

func (w *world) history(database *pgx.Conn) *audit.History {
	w.t.Helper()
	history, err := records.History(w.ctx, database, records.Run{
		Load: w.load, Receiver: w.receiver, Paths: w.paths, Faults: w.Faults(), Timeout: deliveryTimeout,
	})
	require.NoError(w.t, err)
	return history
}

// report logs the results, and fails the test for each broken promise.
func (w *world) report(result audit.Result) {
	w.t.Helper()
	count, oddities := w.load.Oddities()
	assert.Zero(w.t, count, "unexpected answers: %q", oddities)
	for i, finding := range result.Findings {
		if i < 20 {
			assert.Fail(w.t, finding.Rule, "%s: %s", finding.Delivery, finding.Detail)
		}
	}
	assert.Zero(w.t, result.Lost)
	for _, recovery := range result.Recoveries {
		w.t.Logf("%s: %d waited, the first unheld one was sent after %s and the last after %s",
			recovery.Kind, recovery.Waiting, recovery.First.Round(time.Millisecond), recovery.Last.Round(time.Millisecond))
	}
	w.t.Logf("%d accepted, %d lost, %d requests, %d duplicates of %d in flight at faults, %d publications tried again",
		result.Accepted, result.Lost, result.Requests, result.Duplicates, result.InFlight, w.load.Refusals())
}

// endedWell checks that stopped containers ended by themselves, and not by SIGKILL.
func (w *world) endedWell(services ...string) {
	w.t.Helper()
	ended, err := w.Containers(w.ctx, services...)
	require.NoError(w.t, err)
	require.NotEmpty(w.t, ended)
	for _, c := range ended {
		assert.Zero(w.t, c.State.ExitCode, "%s: 137 is a SIGKILL", c.Service())
		assert.False(w.t, c.State.OOMKilled, c.Service())
	}
	log, err := w.Logs(w.ctx, services...)
	require.NoError(w.t, err)
	assert.Empty(w.t, process.Alarms(log, slices.DeleteFunc(slices.Clone(w.keys), func(key string) bool { return strings.TrimSpace(key) == "" })...))
}

// eventually polls for a condition that gives no signal.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	require.NoError(w.t, await.Until(w.ctx, patience, func() (bool, error) { return holds(), nil }), what)
}
