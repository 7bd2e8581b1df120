//go:build containers

package docker

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/load"
	"redrive/deploy/containers"
)

const (
	// hangingEndpoints is the number of endpoints that get every large event. Without shared copies, the events would take 800 MB.
	hangingEndpoints, largeEvents, largeEvent = 200, 4, 1_000_000
	// hangingEnough is the least number of attempts that hang at the same time: three quarters of a dispatcher's workers.
	hangingEnough = 150
	// dispatcherMemory is the largest permitted memory of the dispatcher, in KiB: half of its container's limit.
	dispatcherMemory = 256 << 10
)

// TestContainersMemory delivers large events to endpoints that hang. The dispatcher stays within its container's memory limit, and so does
// the API that receives the events.
func TestContainersMemory(t *testing.T) {
	t.Parallel()
	w := start(t, "memory", containers.ProjectOptions{})
	hanging, url := w.hang()
	client := load.NewClient()
	t.Cleanup(client.CloseIdleConnections)
	key, err := w.newKey(w.ctx, "org-large")
	require.NoError(t, err)
	call := func(path, body string) {
		t.Helper()
		status, err := load.Call(w.ctx, client, w.URL()+load.Path+path, key, body, new(struct{}))
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
	}
	for range hangingEndpoints {
		call("", fmt.Sprintf(`{"name":"hangs","url":%q,"maxRetries":0}`, url))
	}
	for range largeEvents {
		call("/events", fmt.Sprintf(`{"eventType":"large","data":{"x":%q}}`, strings.Repeat("x", largeEvent)))
	}
	w.eventually("attempts hang", func() bool { return hanging.Load() >= hangingEnough })
	database := w.connect()
	defer func() { assert.NoError(t, database.Close(w.ctx)) }()
	w.eventually("they are given up", func() bool {
		var waiting int
		require.NoError(t, database.QueryRow(w.ctx,
			"SELECT count(*) FROM deliveries WHERE organization_id = 'org-large' AND status IN ('pending', 'retrying')").Scan(&waiting))
		return waiting == 0
	})
	running, err := w.Containers(w.ctx, containers.API, containers.Dispatcher)
	require.NoError(t, err)
	for _, c := range running {
		assert.True(t, c.State.Running, c.Service())
		assert.False(t, c.State.OOMKilled, c.Service())
		assert.Zero(t, c.RestartCount, c.Service())
		peak, err := strconv.Atoi(strings.TrimSuffix(w.status(c.State.PID)["VmHWM"], " kB"))
		require.NoError(t, err)
		t.Logf("%s took up to %d MiB", c.Service(), peak>>10)
		if c.Service() == containers.Dispatcher {
			assert.Less(t, peak, dispatcherMemory)
		}
	}
}

// hang starts a receiver that does not answer, and counts the waiting requests.
func (w *world) hang() (waiting *atomic.Int64, url string) {
	w.t.Helper()
	session, err := containers.Join()
	require.NoError(w.t, err)
	listener, err := (&net.ListenConfig{}).Listen(w.ctx, "tcp", net.JoinHostPort(session.Receivers, "0"))
	require.NoError(w.t, err)
	waiting = new(atomic.Int64)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // Without this, the server does not detect that the client has disconnected.
		waiting.Add(1)
		defer waiting.Add(-1)
		<-r.Context().Done()
	})}}
	server.Start()
	w.t.Cleanup(server.Close)
	return waiting, server.URL
}
