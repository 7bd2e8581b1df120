package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/lifecycle"
)

// impatient starts a server with short timeouts whose handler reads the whole request.
func impatient(t *testing.T, impatience timeouts) *lifecycle.Server {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	server, err := lifecycle.NewServer("127.0.0.1:0", newHTTPServer(handler, impatience, slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	server.Start()
	t.Cleanup(func() { assert.NoError(t, server.Stop(context.Background())) })
	return server
}

func connect(t *testing.T, server *lifecycle.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", server.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute))) // far longer than the server's timeouts
	return conn
}

// A client that sends slowly is disconnected. A byte does not extend the timeout.
func TestSlowRequestConnectionClosed(t *testing.T) {
	const short = 200 * time.Millisecond
	long := timeouts{header: time.Hour, read: time.Hour, write: time.Hour, idle: time.Hour}
	slowHeader, slowBody, idle := long, long, long
	slowHeader.header, slowBody.read, idle.idle = short, short, short
	for name, test := range map[string]struct {
		impatience timeouts
		send       string
		dribble    string
	}{
		"nothing at all":              {slowHeader, "", ""},
		"a request line, by the byte": {slowHeader, "G", "E"},
		"headers, one by one":         {slowHeader, "GET / HTTP/1.1\r\nHost: a\r\n", "X-A: b\r\n"},
		"headers that are not ended":  {slowHeader, "GET / HTTP/1.1\r\nHost: a\r\n", ""},
		"a body, by the byte":         {slowBody, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "x"},
		"chunks of a byte":            {slowBody, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
		"a connection that is idle":   {idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, impatient(t, test.impatience))
			_, err := io.WriteString(conn, test.send)
			require.NoError(t, err)
			cut := make(chan error, 1)
			go func() {
				_, err := io.Copy(io.Discard, conn) // the answer, if there is one, and the end
				cut <- err
			}()
			dribbling := time.NewTicker(20 * time.Millisecond)
			defer dribbling.Stop()
			for {
				select {
				case err := <-cut:
					assert.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server did not cut the connection")
					return
				case <-dribbling.C:
					_, _ = io.WriteString(conn, test.dribble) // fails after the connection is closed
				}
			}
		})
	}
}

// A header of 16 KiB is refused by net/http before the handler.
func TestHeaderTooLargeRefused(t *testing.T) {
	server := impatient(t, serverTimeouts)
	for size, status := range map[int]int{11 << 10: 200, 17 << 10: 431, 1 << 20: 431} {
		for _, one := range []bool{true, false} {
			conn := connect(t, server)
			headers := "X-A: " + strings.Repeat("x", size) + "\r\n"
			if !one {
				headers = strings.Repeat("X-A: "+strings.Repeat("x", 93)+"\r\n", size/100)
			}
			go func() { _, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", headers) }() // the connection is closed in the middle
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			_ = response.Body.Close()
			assert.Equal(t, status, response.StatusCode, "%d bytes, in one: %t", size, one)
		}
	}
}

// The service uses the timeouts that are tested here.
func TestServerTimeoutsAreSet(t *testing.T) {
	server := newHTTPServer(http.NotFoundHandler(), serverTimeouts, slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "read": server.ReadTimeout, "write": server.WriteTimeout, "idle": server.IdleTimeout,
	} {
		assert.Positive(t, limit, name)
		assert.LessOrEqual(t, limit, 2*time.Minute, name)
	}
	assert.Less(t, serverTimeouts.header, serverTimeouts.read)
	assert.Less(t, serverTimeouts.read, serverTimeouts.write)
}
