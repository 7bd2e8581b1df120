package lifecycle_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStackStopsInReverseOrderOnce(t *testing.T) {
	var stack lifecycle.Stack
	var order []string
	broken := errors.New("broken")
	for _, name := range []string{"database", "queue", "server"} {
		stack.Push(name, func(context.Context) error {
			order = append(order, name)
			if name == "queue" && len(order) <= 3 {
				return broken
			}
			return nil
		})
	}
	err := stack.Unwind(t.Context())
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "stop queue")
	assert.Equal(t, []string{"server", "queue", "database"}, order, "a failure keeps nothing from being stopped")
	require.NoError(t, stack.Unwind(t.Context()))
	assert.Equal(t, []string{"server", "queue", "database", "queue"}, order, "what failed is tried again, and that alone")
	require.NoError(t, stack.Unwind(t.Context()))
	assert.Len(t, order, 4)
}

func TestServerShutdownDrainsRequests(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	server, err := lifecycle.NewServer("127.0.0.1:0", &http.Server{
		ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(entered)
			<-release
			_, _ = io.WriteString(w, "done")
		}),
	})
	require.NoError(t, err)
	server.Start()

	type answer struct {
		body string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Get("http://" + server.Addr())
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		answers <- answer{string(body), err}
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- server.Stop(context.Background()) }()
	close(release)
	require.NoError(t, <-stopped)
	got := <-answers
	require.NoError(t, got.err)
	assert.Equal(t, "done", got.body)
	require.NoError(t, server.Stop(t.Context()), "a second stop is fine")
}

func TestServerInvalidAddressExplains(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	_, err = lifecycle.NewServer(taken.Addr().String(), &http.Server{ReadHeaderTimeout: time.Second})
	assert.ErrorContains(t, err, "listen on "+taken.Addr().String())

	unstarted, err := lifecycle.NewServer("127.0.0.1:0", &http.Server{ReadHeaderTimeout: time.Second})
	require.NoError(t, err)
	require.NoError(t, unstarted.Stop(t.Context()))
	again, err := net.Listen("tcp", unstarted.Addr())
	require.NoError(t, err, "stopped before it was started, it lets go of its port")
	_ = again.Close()
}

type service struct {
	start, stop error
	failed      chan error
	stops       int
}

func (s *service) Start(context.Context) error { return s.start }
func (s *service) Failed() <-chan error        { return s.failed }
func (s *service) Stop(ctx context.Context) error {
	s.stops++
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.stop
}

func TestRunEveryEndStops(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("broken")

	told := &service{}
	require.NoError(t, lifecycle.Run(ended, told, time.Second), "being told to stop is no error, and there is time to do it")
	assert.Equal(t, 1, told.stops)

	unstarted := &service{start: broken}
	require.ErrorIs(t, lifecycle.Run(t.Context(), unstarted, time.Second), broken)
	assert.Equal(t, 1, unstarted.stops)

	failing := &service{failed: make(chan error, 1)}
	failing.failed <- broken
	require.ErrorIs(t, lifecycle.Run(t.Context(), failing, time.Second), broken)
	assert.Equal(t, 1, failing.stops)
}
