package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/lifecycle"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

var _ lifecycle.Service = (*app.App)(nil)

func servers(t *testing.T) (*store.Store, redis.UniversalClient) {
	t.Helper()
	opened := storetest.OpenPostgres(t, testservers.Postgres(t))
	_, err := opened.Migrate(t.Context())
	require.NoError(t, err)
	return opened, openRedis(t, testservers.Redis(t))
}

func TestServiceServesAPIAndOps(t *testing.T) {
	s, r := servers(t)
	service := started(t, options(s, r))
	assert.Equal(t, 200, list(t, service, newKey(t, s)))
	assert.Equal(t, 401, list(t, service, ""))

	status, word := ready(t, service)
	assert.Equal(t, 200, status)
	assert.Equal(t, "ok", word)
	status, _, err := get(t, service.OpsAddr(), "/livez", "")
	require.NoError(t, err)
	assert.Equal(t, 200, status)
	status, metrics, err := get(t, service.OpsAddr(), "/metrics", "")
	require.NoError(t, err)
	assert.Equal(t, 200, status)
	assert.Contains(t, metrics, `redrive_http_request_duration_seconds_count{method="GET",route="/v1/execution-webhooks",status="2xx"} 1`)
	assert.Contains(t, metrics, "redrive_enqueue_failures_total 0")

	// The API's address does not serve health and metrics, and vice versa.
	for _, path := range []string{"/metrics", "/readyz", "/livez"} {
		status, _, err := get(t, service.Addr(), path, "")
		require.NoError(t, err)
		assert.Equal(t, 401, status)
	}
}

func TestStopBeforeStartAndTwiceSucceeds(t *testing.T) {
	s, r := servers(t)
	unstarted, err := app.New(options(s, r))
	require.NoError(t, err)
	require.NoError(t, unstarted.Stop(t.Context()))
	require.NoError(t, unstarted.Stop(t.Context()))

	stopped := started(t, options(s, r))
	require.NoError(t, stopped.Stop(t.Context()))
	require.NoError(t, stopped.Stop(t.Context()))
	for _, addr := range []string{unstarted.Addr(), unstarted.OpsAddr(), stopped.Addr(), stopped.OpsAddr()} {
		_, _, err := get(t, addr, "/livez", "")
		assert.Error(t, err, "nothing listens any more")
	}
	require.NoError(t, s.Ping(t.Context()), "the store stays the caller's to close")
	require.NoError(t, r.Ping(t.Context()).Err(), "so does Redis")
	select {
	case err := <-stopped.Failed():
		t.Errorf("it was stopped and has not failed: %v", err)
	default:
	}
}

func TestNewAddressInUseReleasesOthers(t *testing.T) {
	s, r := servers(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())

	for name, addresses := range map[string][2]string{
		"the API's is taken":  {taken.Addr().String(), free.Addr().String()},
		"the other is taken":  {free.Addr().String(), taken.Addr().String()},
		"one for both":        {free.Addr().String(), free.Addr().String()},
		"one that is no such": {free.Addr().String(), "nonsense"},
	} {
		o := options(s, r)
		o.Addr, o.OpsAddr = addresses[0], addresses[1]
		_, err := app.New(o)
		require.ErrorContains(t, err, "listen on ", name)
		again, err := net.Listen("tcp", free.Addr().String())
		require.NoError(t, err, "%s: something is left bound", name)
		require.NoError(t, again.Close())
	}
}

func TestNewMissingPartRefused(t *testing.T) {
	s, r := servers(t)
	for name, spoil := range map[string]func(*app.Options){
		"store": func(o *app.Options) { o.Store = nil },
		"Redis": func(o *app.Options) { o.Redis = nil },
		"guard": func(o *app.Options) { o.Guard = nil },
	} {
		o := options(s, r)
		spoil(&o)
		_, err := app.New(o)
		assert.ErrorContains(t, err, name)
	}
}

func TestStartOldSchemaRefused(t *testing.T) {
	service, err := app.New(options(storetest.OpenPostgres(t, testservers.Postgres(t)), openRedis(t, testservers.Redis(t))))
	require.NoError(t, err)
	require.ErrorContains(t, service.Start(t.Context()), "api-service migrate")
	require.NoError(t, service.Stop(t.Context()))
}

func TestCreateEndpointRefusedDestination(t *testing.T) {
	s, r := servers(t)
	service := started(t, options(s, r))
	conn, reader := dial(t, service)
	for url, reason := range map[string]string{
		"http://example.com/": "scheme_not_allowed", "https://127.0.0.1/": "destination_not_allowed", "https://169.254.169.254/": "destination_not_allowed",
		"https://a:b@example.com/": "credentials_in_url", "https://example.com:0/": "invalid_port", "https://0x7f.1/": "invalid_host", "nonsense": "invalid_url",
	} {
		body := fmt.Sprintf(`{"name":"a","url":%q}`, url)
		_, err := fmt.Fprintf(conn, "POST /v1/execution-webhooks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", newKey(t, s), len(body), body)
		require.NoError(t, err)
		status, answer := readResponse(t, reader)
		assert.Equal(t, 400, status)
		assert.Contains(t, answer, `"reason":"`+reason+`","field":"url"`)
	}
}

func dial(t *testing.T, service *app.App) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", service.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReader(conn)
}

func readResponse(t *testing.T, reader *bufio.Reader) (int, string) {
	t.Helper()
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// beginPublishing starts a request. The server waits for its body when beginPublishing returns.
func beginPublishing(t *testing.T, service *app.App, key string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, reader := dial(t, service)
	_, err := fmt.Fprintf(conn, "POST /v1/execution-webhooks/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", key, len(event))
	require.NoError(t, err)
	status, _ := readResponse(t, reader)
	require.Equal(t, http.StatusContinue, status)
	return conn, reader
}

const event = `{"eventType":"run.finished","data":{}}`

func TestStopAnswersRequestInProgress(t *testing.T) {
	s, r := servers(t)
	service := started(t, options(s, r))
	conn, reader := beginPublishing(t, service, newKey(t, s))

	stopped := make(chan error, 1)
	go func() { stopped <- service.Stop(context.WithoutCancel(t.Context())) }()
	require.Eventually(t, func() bool {
		probe, err := net.Dial("tcp", service.Addr())
		if err == nil {
			_ = probe.Close()
		}
		return err != nil
	}, safetyLimit, time.Millisecond, "no new connection is taken")
	status, word := ready(t, service)
	assert.Equal(t, 503, status)
	assert.Equal(t, "draining", word)
	status, _, err := get(t, service.OpsAddr(), "/livez", "")
	require.NoError(t, err)
	assert.Equal(t, 200, status, "it is to be left alone while it stops")

	_, err = io.WriteString(conn, event)
	require.NoError(t, err)
	status, body := readResponse(t, reader)
	assert.Equal(t, 200, status)
	assert.Contains(t, body, `"eventType":"run.finished"`)
	require.NoError(t, <-stopped)
}

// A request that does not finish does not block Stop beyond its deadline.
func TestStopUnfinishedRequestEndsAtDeadline(t *testing.T) {
	s, r := servers(t)
	service, err := app.New(options(s, r))
	require.NoError(t, err)
	require.NoError(t, service.Start(t.Context()))
	_, reader := beginPublishing(t, service, newKey(t, s))
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	require.ErrorIs(t, service.Stop(past), context.DeadlineExceeded)
	_, err = http.ReadResponse(reader, nil)
	require.Error(t, err, "it was cut off")
	_, _, err = get(t, service.OpsAddr(), "/livez", "")
	require.Error(t, err)
}
