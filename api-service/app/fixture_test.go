package app_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/webhook"
)

// safetyLimit ends a test that hangs. No assertion depends on it.
const safetyLimit = time.Minute

func openRedis(t *testing.T, url string) redis.UniversalClient {
	t.Helper()
	client, err := queue.Connect(url)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, client.Close()) })
	return client
}

func options(s *store.Store, r redis.UniversalClient) app.Options {
	return app.Options{
		Store: s, Redis: r, Guard: egress.New(egress.Config{}), Log: slog.New(slog.DiscardHandler),
		Addr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0",
	}
}

// started starts a service and stops it at the end of the test.
func started(t *testing.T, o app.Options) *app.App {
	t.Helper()
	service, err := app.New(o)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), service.TimeToStop()) // the test's context has ended
		defer cancel()
		assert.NoError(t, service.Stop(ctx))
	})
	require.NoError(t, service.Start(t.Context()))
	return service
}

func newKey(t *testing.T, s *store.Store) string {
	t.Helper()
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org_a", Name: "test", Scope: webhook.ScopeReadWrite}, webhook.Now())
	require.NoError(t, s.CreateAPIKey(t.Context(), key))
	return raw.Reveal()
}

// get sends a request and closes the connection, because Stop waits for open connections.
func get(t *testing.T, addr, path, key string) (status int, body string, err error) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: safetyLimit}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func list(t *testing.T, service *app.App, key string) int {
	t.Helper()
	status, _, err := get(t, service.Addr(), "/v1/execution-webhooks", key)
	require.NoError(t, err)
	return status
}

// becomes waits until /readyz answers with the status and the word.
func becomes(t *testing.T, service *app.App, status int, word string) {
	t.Helper()
	require.Eventually(t, func() bool {
		now, said := ready(t, service)
		return now == status && said == word
	}, safetyLimit, 10*time.Millisecond, "it never was %d %s", status, word)
}

// ready returns the status of /readyz and its word.
func ready(t *testing.T, service *app.App) (int, string) {
	t.Helper()
	status, body, err := get(t, service.OpsAddr(), "/readyz", "")
	require.NoError(t, err)
	var report struct{ Status string }
	require.NoError(t, json.Unmarshal([]byte(body), &report))
	return status, report.Status
}
