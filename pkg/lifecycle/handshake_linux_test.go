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

// A connection that nobody has accepted when Drain ends is answered, and no other one begins.
func TestDrainAnswersAcceptedConnectionsAndBeginsNoOthers(t *testing.T) {
	server, err := lifecycle.NewServer("127.0.0.1:0", &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ReadHeaderTimeout: time.Minute,
	})
	require.NoError(t, err)
	early, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	defer func() { _ = early.Close() }()

	server.Drain(t.Context(), time.Nanosecond)
	late, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(late, "tcp", server.Addr())
	if err == nil {
		_ = conn.Close()
	}
	require.Error(t, err, "no connection begins")

	server.Start()
	_, err = io.WriteString(early, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(early), nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusNoContent, response.StatusCode)
	require.NoError(t, server.Stop(t.Context()))
}
