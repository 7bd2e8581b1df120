package linger_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/linger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const limit = 3 << 20 // bytes

// refuse answers without reading.
var refuse = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "2")
	w.WriteHeader(http.StatusUnauthorized)
	_, _ = io.WriteString(w, "no")
})

// listen serves a handler with a limit on a port of loopback.
func listen(t *testing.T, handler http.Handler, o linger.Options) net.Addr {
	t.Helper()
	server := httptest.NewServer(linger.New(handler, o))
	t.Cleanup(server.Close)
	return server.Listener.Addr()
}

// dial connects with a small send buffer, so that few bytes of a body are in transit.
func dial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	tcp, ok := conn.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetWriteBuffer(16<<10))
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// send writes a request of a size before it reads.
func send(t *testing.T, conn net.Conn, head string, size int, chunked bool) (*http.Response, error) {
	t.Helper()
	if _, err := io.WriteString(conn, head); err != nil {
		return nil, err
	}
	piece := strings.Repeat("x", 8<<10)
	for sent := 0; sent < size; sent += len(piece) {
		piece = piece[:min(len(piece), size-sent)]
		text := piece
		if chunked {
			text = fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return nil, err
		}
	}
	if chunked {
		if _, err := io.WriteString(conn, "0\r\n\r\n"); err != nil {
			return nil, err
		}
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}

func TestRefusalClientWritesBeforeItReadsArrives(t *testing.T) {
	half := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, limit/2)
		refuse(w, r)
	})
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, limit/2))
		refuse(w, r)
	})
	for name, handler := range map[string]http.Handler{"nothing read": refuse, "half of it read": half, "too large": limited} {
		addr := listen(t, handler, linger.Options{Bytes: limit})
		for _, version := range []string{"1.0", "1.1"} {
			for _, extra := range []string{"", "Connection: close\r\n", "Expect: 100-continue\r\n"} {
				for _, size := range []int{1, 200 << 10, 300 << 10, limit} {
					head := fmt.Sprintf("POST / HTTP/%s\r\nHost: a\r\n%sContent-Length: %d\r\n\r\n", version, extra, size)
					response, err := send(t, dial(t, addr), head, size, false)
					require.NoError(t, err, "%s, HTTP/%s %q, %d bytes", name, version, extra, size)
					if response.StatusCode == http.StatusContinue { // the handler has read
						continue
					}
					assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
					_ = response.Body.Close()
				}
			}
		}
		for _, size := range []int{1, 300 << 10, limit} {
			response, err := send(t, dial(t, addr), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", size, true)
			require.NoError(t, err, "%s, chunked, %d bytes", name, size)
			assert.Equal(t, http.StatusUnauthorized, response.StatusCode)
			_ = response.Body.Close()
		}
	}
}

// The bound includes the bytes in the buffers of both sockets.
func TestEndlessBodyReadToTheLimitOnly(t *testing.T) {
	const buffers = 32 << 20
	addr := listen(t, refuse, linger.Options{Bytes: limit})
	for name, test := range map[string]struct {
		head    string
		chunked bool
	}{
		"declared": {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n", false},
		"chunked":  {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true},
	} {
		conn := &counting{Conn: dial(t, addr)}
		_, err := send(t, conn, test.head, 1<<30, test.chunked)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, os.ErrDeadlineExceeded, name)
		assert.Less(t, conn.written, limit+buffers, name)
	}
}

// counting counts what was written.
type counting struct {
	net.Conn
	written int
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written += n
	return n, err
}

// A client that reads while it writes does not have to send the rest of the declared body.
func TestRefusalBeforeTheBodyHasComeIsComplete(t *testing.T) {
	addr := listen(t, refuse, linger.Options{Bytes: limit, Silence: time.Hour, Time: time.Hour})
	for _, head := range []string{
		"Content-Length: 1048576\r\n\r\n",
		"Content-Length: 1048576\r\nExpect: 100-continue\r\n\r\n",
		"Content-Length: 1073741824\r\n\r\n",
	} {
		conn := dial(t, addr)
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+head)
		require.NoError(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, head)
		assert.Equal(t, http.StatusUnauthorized, response.StatusCode, "100 Continue would ask for the body")
		assert.True(t, response.Close, head)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		assert.Equal(t, "no", string(body))
		require.NoError(t, conn.Close()) // the server stops reading
	}
}

func TestConnectionAfterABodyThatWasReadIsKept(t *testing.T) {
	reading := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, r)
	})
	for name, test := range map[string]struct {
		handler http.Handler
		size    int
	}{"read by the handler": {reading, limit}, "read by net/http": {refuse, 100 << 10}, "none": {refuse, 0}} {
		conn := dial(t, listen(t, test.handler, linger.Options{Bytes: limit}))
		for range 3 {
			response, err := send(t, conn, fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", test.size), test.size, false)
			require.NoError(t, err, name)
			assert.False(t, response.Close, name)
			_, _ = io.Copy(io.Discard, response.Body)
		}
	}
}
