package app_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestDelivers(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Postgres(t), testservers.Redis(t))
	b.migrate()
	service := b.start()
	becomes(t, service, 200, `"status":"ok"`)

	d := b.publish(webhook.Now())
	_, err := queue.NewEnqueuer(b.redis).Enqueue(t.Context(), queue.Item{DeliveryID: d.ID, Queue: d.Queue, DueAt: d.NextRetryAt})
	require.NoError(t, err)
	b.arrives(d)

	forgotten := b.publish(webhook.Now().Add(-time.Hour)) // committed and not enqueued, as after a crash
	b.arrives(forgotten)

	require.Eventually(t, func() bool {
		_, body := get(t, service, "/metrics")
		return strings.Contains(body, `redrive_attempts_total{outcome="success",status="2xx"} 2`)
	}, safetyLimit, 5*time.Millisecond, "counted, soon after they are on record")
	_, body := get(t, service, "/metrics")
	assert.Contains(t, body, `redrive_reconciled_total`)
	status, body := get(t, service, "/breakers")
	assert.Equal(t, 200, status)
	assert.JSONEq(t, `{"breakers":[],"hasMore":false}`, body)
	b.reports(4)
	assert.NoError(t, service.Stop(t.Context()))
	assert.NoError(t, service.Stop(t.Context()), "again")
	b.counted(map[string]int64{"success": 2})
	select {
	case err := <-service.Failed():
		assert.NoError(t, err)
	default:
	}
}

// The time of an attempt is that of its delivery and that of the database. A stop waits for an attempt.
func TestTimeToStopIncludesDatabaseTimeout(t *testing.T) {
	t.Parallel()
	b := newBench(t, "postgres://127.0.0.1:1/none", "redis://127.0.0.1:1")
	for timeout, want := range map[time.Duration]time.Duration{
		0:           40 * time.Second, // an endpoint may set 30 s
		time.Second: 40 * time.Second,
		time.Minute: 30*time.Second + 2*time.Minute,
	} {
		options := b.options()
		options.DeliveryTimeout, options.DatabaseTimeout = 15*time.Second, timeout
		service, err := app.New(options)
		require.NoError(t, err)
		assert.Equal(t, want, service.TimeToStop(), timeout)
		require.NoError(t, service.Stop(t.Context()))
	}
}

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, "postgres://127.0.0.1:1/none", "redis://127.0.0.1:1")
	service, err := app.New(b.options())
	require.NoError(t, err, "nothing is asked of the servers yet")
	require.NoError(t, service.Stop(t.Context()))
	require.NoError(t, service.Stop(t.Context()))
	assertFree(t, service.OpsAddr())
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	b := newBench(t, "postgres://127.0.0.1:1/none", "redis://127.0.0.1:1")
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	options := b.options()
	options.OpsAddr = taken.Addr().String()
	_, err = app.New(options)
	require.ErrorContains(t, err, options.OpsAddr)
}

func TestOldSchema(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Postgres(t), testservers.Redis(t))
	service, err := app.New(b.options())
	require.NoError(t, err)
	require.ErrorContains(t, service.Start(t.Context()), "api-service migrate")
	stop(t, service)
	assertFree(t, service.OpsAddr())
}

func TestRequiredOptions(t *testing.T) {
	t.Parallel()
	b := newBench(t, "postgres://127.0.0.1:1/none", "redis://127.0.0.1:1")
	for _, options := range []app.Options{
		{}, {Store: b.store, Redis: b.redis}, {Store: b.store, Guard: egress.New(egress.Config{})}, {Redis: b.redis, Guard: egress.New(egress.Config{})},
	} {
		_, err := app.New(options)
		require.Error(t, err)
	}
}

// Both servers are unavailable at the start and become available later. The dispatcher recovers without a restart.
func TestStartsWithoutItsServers(t *testing.T) {
	t.Parallel()
	database, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, database.Close()) })
	cache, err := testservers.StartRedis(testservers.RedisOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	b := newBench(t, database.URL(), cache.URL())
	b.migrate()
	d := b.publish(webhook.Now().Add(-time.Hour))
	require.NoError(t, cache.Stop())
	require.NoError(t, database.Stop())

	service := b.start()
	status, _ := get(t, service, "/livez")
	assert.Equal(t, 200, status)
	becomes(t, service, 503, "unavailable")

	require.NoError(t, database.Restart(t.Context()))
	becomes(t, service, 200, "degraded") // without Redis
	require.NoError(t, cache.Restart(t.Context()))
	b.arrives(d)
}

// Stop returns at its deadline, however long a receiver takes, and may be called again.
func TestStopHeedsItsDeadline(t *testing.T) {
	t.Parallel()
	b := newBench(t, testservers.Postgres(t), testservers.Redis(t))
	b.migrate()
	service := b.start()
	held, release := make(chan struct{}), make(chan struct{})
	b.receiver.Config.Handler = holding(held, release)
	d := b.publish(webhook.Now().Add(-time.Hour))
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, service.Stop(ctx), context.DeadlineExceeded)
	close(release)
	require.Eventually(t, func() bool {
		record, err := b.store.FindDelivery(t.Context(), org, d.ID)
		return err == nil && record.LastAttempt != nil
	}, safetyLimit, 5*time.Millisecond, "what was sent goes on record all the same")
	require.NoError(t, service.Stop(t.Context()), "asked again, it waits for what was left")
}

func assertFree(t *testing.T, addr string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	require.NoError(t, err, "the port is still bound")
	require.NoError(t, listener.Close())
}

// A Redis that is full or read-only refuses commands. The dispatcher reports it, and continues when Redis accepts commands.
func TestRedisIsFull(t *testing.T) {
	t.Parallel()
	cache, err := testservers.StartRedis(testservers.RedisOptions{Settings: map[string]string{"maxmemory": "1"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	b := newBench(t, testservers.Postgres(t), cache.URL())
	b.migrate()
	service := b.start()
	d := b.publish(webhook.Now().Add(-time.Hour))
	becomes(t, service, 200, "degraded")

	require.NoError(t, b.redis.ConfigSet(t.Context(), "maxmemory", "0").Err())
	b.arrives(d)
	becomes(t, service, 200, `"status":"ok"`)
}
