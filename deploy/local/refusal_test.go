package local_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A client that writes its whole body before it reads gets the answer from every port.
func TestAnswerReachesClientThatWritesFirst(t *testing.T) {
	const mebibyte = 1 << 20
	l := start(t, options(t.TempDir()))
	addresses := l.Addresses()
	for _, test := range []struct {
		address, path string
		size, status  int
	}{
		{addresses.API, "/no/such/route", 6 * mebibyte, http.StatusUnauthorized},
		{addresses.Ops, "/metrics", mebibyte, http.StatusMethodNotAllowed},
		{addresses.Breakers, "/metrics", mebibyte, http.StatusMethodNotAllowed},
		{addresses.Breakers, "/no/such/route", mebibyte, http.StatusNotFound},
		{addresses.Receiver, "/no/such/route", 3 * mebibyte, http.StatusNotFound},
		{addresses.Receiver, "/ok", 3 * mebibyte, http.StatusBadRequest},
	} {
		at, err := url.Parse(test.address)
		require.NoError(t, err)
		response, err := writeFirst(t, at.Host, test.path, test.size)
		require.NoError(t, err, "%+v", test)
		assert.Equal(t, test.status, response.StatusCode, "%+v", test)
		_ = response.Body.Close()
	}
}

// writeFirst posts a body of a size with a small send buffer and then reads the answer.
func writeFirst(t *testing.T, host, path string, size int) (*http.Response, error) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	tcp, ok := conn.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetWriteBuffer(16<<10))
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", path, host, size); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, strings.Repeat("x", size)); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(conn), nil)
}
