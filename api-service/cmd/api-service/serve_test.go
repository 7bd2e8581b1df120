package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// serving runs the program. stop ends it and returns its exit code and its log.
func serving(t *testing.T, environ []string, args ...string) (addr string, stop func() (int, string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, environ, io.Discard, writer)
		_ = writer.Close()
	}()
	started := make(chan string, 1)
	logged := make(chan string, 1)
	go func() {
		defer close(started)
		var all strings.Builder
		lines := bufio.NewScanner(reader)
		for lines.Scan() {
			all.WriteString(lines.Text() + "\n")
			var line struct{ Msg, Addr string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "API started" {
				started <- line.Addr
			}
		}
		logged <- all.String()
	}()
	addr, ok := <-started
	require.True(t, ok, "it ended before it started")
	return addr, func() (int, string) {
		cancel()
		return <-code, <-logged
	}
}

func list(t *testing.T, addr, key string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/v1/execution-webhooks", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := client.Do(request)
	require.NoError(t, err)
	_ = response.Body.Close()
	return response.StatusCode
}

func TestServeUntilSignal(t *testing.T) {
	const canary = "c4n4ry-of-a-test"
	environ := []string{
		"DATABASE_URL=" + testservers.Postgres(t), "REDIS_URL=" + testservers.Redis(t), "SECRETS_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"API_ADDR=127.0.0.1:0", "OPS_ADDR=127.0.0.1:0", "OPERATOR_PASSWORD=" + canary, "LOG_LEVEL=debug", "DRAIN_DELAY=0s",
	}
	unmigrated := runWith(t, environ, "serve")
	assert.Equal(t, 1, unmigrated.code)
	assert.Contains(t, unmigrated.stderr, "run `api-service migrate` first")

	require.Equal(t, 0, runWith(t, environ, "migrate").code)
	key := strings.TrimSpace(runWith(t, environ, "keys", "create", "--organization", "org_a", "--name", "ci").stdout)

	for _, args := range [][]string{{}, {"serve"}} {
		addr, stop := serving(t, environ, args...)
		assert.Equal(t, 200, list(t, addr, key))
		code, logged := stop()
		assert.Equal(t, 0, code, logged)
		for _, secret := range []string{key, canary, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="} {
			assert.NotContains(t, logged, secret)
		}
	}

	// A key that is revoked while the service runs is refused within a second.
	addr, stop := serving(t, environ)
	assert.Equal(t, 200, list(t, addr, key))
	id := strings.Fields(strings.Split(runWith(t, environ, "keys", "list").stdout, "\n")[1])[0]
	require.Equal(t, 0, runWith(t, environ, "keys", "revoke", id).code)
	revoked := time.Now()
	require.Eventually(t, func() bool { return list(t, addr, key) == 401 }, time.Minute, 10*time.Millisecond)
	t.Logf("a key was refused %s after it had been revoked", time.Since(revoked))

	refused := runWith(t, slices.Concat(environ, []string{"API_ADDR=" + addr}), "serve")
	assert.Equal(t, 1, refused.code)
	assert.Contains(t, refused.stderr, "listen on "+addr)
	code, logged := stop()
	assert.Equal(t, 0, code, logged)
}
