package local_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A browser whose page of another site points here sends that site's name as Host.
func TestForeignHostRefusedOnEveryListener(t *testing.T) {
	l := start(t, options(t.TempDir()))
	a := l.Addresses()
	for base, path := range map[string]string{a.API: "/openapi.json", a.Ops: "/livez", a.Receiver: "/", a.Breakers: "/breakers"} {
		u, err := url.Parse(base)
		require.NoError(t, err)
		ask := func(line, host string) int {
			conn, err := net.Dial("tcp", u.Host)
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			_, err = fmt.Fprintf(conn, "%s\r\nHost: %s\r\nConnection: close\r\n\r\n", line, host)
			require.NoError(t, err)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			_, _ = io.Copy(io.Discard, response.Body)
			return response.StatusCode
		}
		get := "GET " + path + " HTTP/1.1"
		for _, host := range []string{
			u.Host, "127.0.0.1", "localhost", "localhost:1", "LocalHost:80", "localhost.", "localhost.:8080", "[::1]", "[::1]:8080",
			"[0:0:0:0:0:0:0:1]:1", "[::ffff:127.0.0.1]:1", "127.0.0.2",
		} {
			assert.Equal(t, 200, ask(get, host), "%s %s", base, host)
		}
		for _, host := range []string{
			"evil.example", "evil.example:8080", "EVIL.example.", "localhost.evil.example", "127.0.0.1.evil.example", "evil.localhost", "",
			"0.0.0.0", "[::]", "192.168.0.1:8080", "[fe80::1]", "127.0.0.1.nip.io", "2130706433", "localhost..", ":8080", "[::ffff:192.0.2.1]",
		} {
			assert.Equal(t, 421, ask(get, host), "%s %s", base, host)
		}
		assert.Equal(t, 421, ask("GET http://evil.example"+path+" HTTP/1.1", u.Host), "the target's host counts")
		assert.Equal(t, 200, ask("GET http://localhost"+path+" HTTP/1.1", "evil.example"), "the target's host counts")
		assert.Equal(t, 421, ask("POST /heal HTTP/1.1\r\nContent-Length: 0", "evil.example"))
	}
}
