package queuewatch_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/internal/queuewatch"
	"redrive/pkg/queue"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m)) }

// installation is a Store with that name.
type installation string

func (i installation) Installation(context.Context) (string, error) { return string(i), nil }

// refusing is a Store whose Installation fails.
type refusing struct{ err error }

func (r *refusing) Installation(context.Context) (string, error) { return "", r.err }

// watcher is a Watcher with its log. Tests call Check instead of Start.
type watcher struct {
	*queuewatch.Watcher
	log *bytes.Buffer
}

func newWatcher(enqueuer *queue.Enqueuer, name queuewatch.Store) watcher {
	log := &bytes.Buffer{}
	return watcher{queuewatch.New(enqueuer, name, slog.New(slog.NewTextHandler(log, nil)), prometheus.NewRegistry()), log}
}

func TestCheckPausedQueueLogsOnce(t *testing.T) {
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	enqueuer, inspector := queue.NewEnqueuer(client), asynq.NewInspectorFromRedisClient(client)
	require.NoError(t, enqueuer.RegisterQueues(t.Context(), webhook.QueueDeliveries))
	w := newWatcher(enqueuer, installation("a"))
	for range 3 {
		w.Check(t.Context())
	}
	require.NoError(t, w.Paused(t.Context()))
	assert.Empty(t, w.log.String())

	require.NoError(t, inspector.PauseQueue(webhook.QueueDeliveries))
	for range 3 {
		w.Check(t.Context())
	}
	require.ErrorIs(t, w.Paused(t.Context()), queue.ErrPaused)
	assert.Equal(t, 1, strings.Count(w.log.String(), "queue paused"))

	require.NoError(t, inspector.UnpauseQueue(webhook.QueueDeliveries))
	for range 3 {
		w.Check(t.Context())
	}
	require.NoError(t, w.Paused(t.Context()))
	assert.Equal(t, 1, strings.Count(w.log.String(), "queue resumed"))
}

func TestCheckOtherInstallationLogsOnce(t *testing.T) {
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	enqueuer := queue.NewEnqueuer(client)
	one, replica := newWatcher(enqueuer, installation("a")), newWatcher(enqueuer, installation("a"))
	other, unknown := newWatcher(enqueuer, installation("b")), newWatcher(enqueuer, installation(""))
	for _, w := range []watcher{unknown, one, replica} {
		w.Check(t.Context())
		require.NoError(t, w.Shared(t.Context()))
		assert.Empty(t, w.log.String())
	}
	for range 2 {
		for _, w := range []watcher{other, one, replica} {
			w.Check(t.Context())
			require.ErrorIs(t, w.Shared(t.Context()), queuewatch.ErrShared)
			assert.Equal(t, 1, strings.Count(w.log.String(), "level=ERROR"), w.log.String())
		}
	}
	require.NoError(t, client.ZRem(t.Context(), "redrive:{deliveries}:installations", "b").Err())
	one.Check(t.Context())
	require.NoError(t, one.Shared(t.Context()))
	assert.Contains(t, one.log.String(), "no other installation")
}

// A role without the right to name the installation is logged once. An unavailable database is not logged here.
func TestCheckUnnamedInstallationLogsOnce(t *testing.T) {
	client, err := queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	store := &refusing{webhook.Unavailable(time.Second, errors.New("connection refused"))}
	w := newWatcher(queue.NewEnqueuer(client), store)
	w.Check(t.Context())
	assert.Empty(t, w.log.String())

	store.err = errors.New("permission denied for function pg_control_system")
	for range 3 {
		w.Check(t.Context())
	}
	assert.Equal(t, 1, strings.Count(w.log.String(), "level=WARN"), w.log.String())
	assert.Contains(t, w.log.String(), "another installation on the same Redis database is not detected")
	require.NoError(t, w.Shared(t.Context()))
}
