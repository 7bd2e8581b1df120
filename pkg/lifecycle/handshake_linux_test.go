package lifecycle_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/lifecycle"
)

// A connection that is complete but not yet accepted when Drain ends gets an answer. No further connection begins.
func TestServerDrainAnswersAcceptedConnections(t *testing.T) {
	server, err := lifecycle.NewServer("127.0.0.1:0", &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ReadHeaderTimeout: time.Minute,
	})
	require.NoError(t, err)
	early, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	defer func() { _ = early.Close() }()

	drained := make(chan struct{})
	go func() {
		defer close(drained)
		server.Drain(t.Context(), time.Nanosecond)
	}()
	require.Eventually(t, func() bool { return !begins(t, server.Addr()) }, time.Minute, time.Millisecond, "no connection begins")
	select {
	case <-drained:
		require.Fail(t, "a connection is not accepted yet")
	default:
	}

	server.Start()
	<-drained
	_, err = io.WriteString(early, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(early), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusNoContent, response.StatusCode)
	require.NoError(t, server.Stop(t.Context()))
}

// begins reports whether a connection begins. One that is refused later than the limit does not.
func begins(t *testing.T, address string) bool {
	t.Helper()
	limited, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(limited, "tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
