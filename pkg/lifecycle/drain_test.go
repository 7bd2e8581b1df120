package lifecycle_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/lifecycle"
)

// A server that drains continues to answer, and closes each connection after its next response.
func TestServerDrainAnswersUntilStopped(t *testing.T) {
	server, err := lifecycle.NewServer("127.0.0.1:0", &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ReadHeaderTimeout: time.Second,
	})
	require.NoError(t, err)
	server.Start()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ask := func() *http.Response {
		response, err := (&http.Client{Transport: transport}).Get("http://" + server.Addr())
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	assert.False(t, ask().Close)

	draining, stop := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		server.Drain(draining, time.Hour)
		close(drained)
	}()
	require.Eventually(t, func() bool { return ask().Close }, time.Minute, time.Millisecond, "the connection is to be closed")
	assert.Equal(t, http.StatusNoContent, ask().StatusCode, "and new ones are served")
	stop()
	<-drained
	server.Drain(t.Context(), 0)
	require.NoError(t, server.Stop(t.Context()))
}
