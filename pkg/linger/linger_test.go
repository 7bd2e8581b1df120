package linger_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/linger"
	"redrive/pkg/linger/lingertest"
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
					response, err := lingertest.Send(lingertest.Dial(t, addr.String()), head, size, false)
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
			response, err := lingertest.Send(lingertest.Dial(t, addr.String()), "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", size, true)
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
		conn := &counting{Conn: lingertest.Dial(t, addr.String())}
		_, err := lingertest.Send(conn, test.head, 1<<30, test.chunked)
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
		conn := lingertest.Dial(t, addr.String())
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
		conn := lingertest.Dial(t, listen(t, test.handler, linger.Options{Bytes: limit}).String())
		for range 3 {
			response, err := lingertest.Send(conn, fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", test.size), test.size, false)
			require.NoError(t, err, name)
			assert.False(t, response.Close, name)
			_, _ = io.Copy(io.Discard, response.Body)
		}
	}
}
