package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/reconcile"
	"redrive/pkg/webhook"
)

func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	r, _ := newReconciler(newRows(0), &fakeQueue{}, 0)
	require.NoError(t, r.Stop(t.Context()))
	require.NoError(t, r.Stop(t.Context()))
}

func TestStartRunsPassesUntilStop(t *testing.T) {
	t.Parallel()
	passes := make(chan struct{}, 1000)
	q := &fakeQueue{during: func(string) { passes <- struct{}{} }}
	r, _ := newReconciler(newRows(1), q, 0)
	r.Start()
	for range 3 {
		<-passes
	}
	require.NoError(t, r.Stop(t.Context()))
	require.NoError(t, r.Stop(t.Context()))
	q.take()
	assert.Never(t, func() bool { return len(q.take()) > 0 }, 50*time.Millisecond, 10*time.Millisecond)
}

// Passes continue after an error.
func TestStartRedisUnavailableContinues(t *testing.T) {
	t.Parallel()
	passes := make(chan struct{}, 1000)
	q := &fakeQueue{away: true, during: func(string) { passes <- struct{}{} }}
	r, _ := newReconciler(newRows(1), q, 0)
	r.Start()
	require.Eventually(t, func() bool {
		q.mutex.Lock()
		defer q.mutex.Unlock()
		return q.announced > 2
	}, soon, time.Millisecond)
	q.mutex.Lock()
	q.away = false
	q.mutex.Unlock()
	<-passes
	require.NoError(t, r.Stop(t.Context()))
}

// Stop returns at its deadline while Redis delays a pass.
func TestStopDeadlineDuringPass(t *testing.T) {
	t.Parallel()
	held, release := make(chan struct{}, 1), make(chan struct{})
	q := &fakeQueue{during: func(string) {
		held <- struct{}{}
		<-release
	}}
	r, _ := newReconciler(newRows(1), q, 0)
	r.Start()
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Stop(ctx), context.DeadlineExceeded)
	close(release)
	require.NoError(t, r.Stop(t.Context()))
}

// The archive is trimmed every hour.
func TestStartTrimsArchiveHourly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &fakeQueue{}
		r := reconcile.New(newRows(0), q, q, q, reconcile.Options{Grace: grace, Log: slog.New(slog.DiscardHandler)}, prometheus.NewRegistry())
		r.Start()
		time.Sleep(5 * time.Hour)
		require.NoError(t, r.Stop(t.Context()))
		assert.Contains(t, []int{4, 5}, q.trimmed)
	})
}

// An outage has one log line for each part when it begins and one when it ends. The polls become less frequent the longer it lasts, and
// stay frequent enough to detect its end within seconds.
func TestOutageIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		q := &fakeQueue{away: true}
		r := reconcile.New(newRows(0), q, q, q, reconcile.Options{Grace: grace, Log: slog.New(slog.NewTextHandler(&log, nil))}, prometheus.NewRegistry())
		r.Start()
		time.Sleep(time.Hour)
		q.mutex.Lock()
		q.away = false
		asked := q.askedAt
		q.mutex.Unlock()
		assert.Less(t, asked[1].Sub(asked[0]), 750*time.Millisecond+1, "soon at first")
		apart := map[time.Duration]bool{}
		for i := range len(asked) - 4 {
			pause := asked[i+4].Sub(asked[i+3])
			assert.True(t, pause >= time.Second && pause < 3*time.Second, "%s apart", pause)
			apart[pause.Round(time.Millisecond)] = true
		}
		assert.Greater(t, len(apart), 500, "no two replicas in step")
		time.Sleep(time.Hour)
		require.NoError(t, r.Stop(t.Context()))
		for _, part := range []string{"pass", "orphan search"} {
			assert.Equal(t, 1, strings.Count(log.String(), `msg="reconcile failed, retrying" part=`+quoted(part)), part)
			assert.Equal(t, 1, strings.Count(log.String(), `msg="reconcile succeeded again" part=`+quoted(part)), part)
		}
		assert.Equal(t, 2, strings.Count(log.String(), "level=WARN"), log.String())
	})
}

// While RedisUnavailable is true, errors of Redis are not logged and errors of the database are.
func TestStartRedisUnavailableLogsDatabaseErrorsOnly(t *testing.T) {
	for name, c := range map[string]struct {
		table *rows
		queue *fakeQueue
		lines int
	}{
		"redis":    {newRows(1), &fakeQueue{away: true}, 0},
		"database": {&rows{err: webhook.Unavailable(time.Second, errors.New("connection refused"))}, &fakeQueue{}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				r := reconcile.New(c.table, c.queue, c.queue, c.queue, reconcile.Options{
					Grace: grace, Log: slog.New(slog.NewTextHandler(&log, nil)), RedisUnavailable: func() bool { return true },
				}, prometheus.NewRegistry())
				r.Start()
				time.Sleep(time.Hour)
				require.NoError(t, r.Stop(t.Context()))
				assert.Equal(t, c.lines, strings.Count(log.String(), "level=WARN"), log.String())
			})
		})
	}
}

// quoted returns s as slog's text handler writes it.
func quoted(s string) string {
	if strings.Contains(s, " ") {
		return strconv.Quote(s)
	}
	return s
}
