package observe_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/observe"
	"redrive/pkg/webhook"
)

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder
}

func TestReadinessFailedCheckIsUnavailable(t *testing.T) {
	var database, redis error
	health := observe.NewHealth(
		observe.Check{Name: "database", Required: true, Probe: func(context.Context) error { return database }},
		observe.Check{Name: "redis", Probe: func(context.Context) error { return redis }},
	)
	handler := health.Handler(observe.NewRegistry())
	ready := func() (int, string) {
		r := get(handler, "/readyz")
		return r.Code, r.Body.String()
	}

	code, body := ready()
	assert.Equal(t, 200, code)
	assert.JSONEq(t, `{"status":"ok","checks":{"database":"ok","redis":"ok"}}`, body)

	redis = errors.New("dial 10.0.0.7: refused")
	code, body = ready()
	assert.Equal(t, 200, code)
	assert.JSONEq(t, `{"status":"degraded","checks":{"database":"ok","redis":"failed"}}`, body)

	database = errors.New("away")
	code, body = ready()
	assert.Equal(t, 503, code)
	assert.JSONEq(t, `{"status":"unavailable","checks":{"database":"failed","redis":"failed"}}`, body)

	database, redis = nil, nil
	health.Drain()
	code, body = ready()
	assert.Equal(t, 503, code)
	assert.JSONEq(t, `{"status":"draining"}`, body)
	assert.Equal(t, 200, get(handler, "/livez").Code, "alive all the same")
}

func TestMetricsEndpointServesRegistry(t *testing.T) {
	handler := observe.NewHealth().Handler(observe.NewRegistry())
	assert.Contains(t, get(handler, "/metrics").Body.String(), "go_goroutines")
}

func TestHealthcheckRequestsOwnPort(t *testing.T) {
	var broken atomic.Bool
	health := observe.NewHealth(observe.Check{Name: "database", Required: true, Probe: func(context.Context) error {
		if broken.Load() {
			return errors.New("away")
		}
		return nil
	}})
	server := httptest.NewServer(health.Handler(observe.NewRegistry()))
	addr := strings.Replace(server.Listener.Addr().String(), "127.0.0.1", "", 1) // as in :9090

	require.NoError(t, observe.Healthcheck(t.Context(), addr, "/readyz"))
	broken.Store(true)
	require.ErrorContains(t, observe.Healthcheck(t.Context(), addr, "/readyz"), "503")
	server.Close()
	require.Error(t, observe.Healthcheck(t.Context(), addr, "/readyz"))
	require.Error(t, observe.Healthcheck(t.Context(), "no port", "/readyz"))
}

// The ops port answers HEAD like GET, by net/http's patterns.
func TestOpsHeadAnswersLikeGet(t *testing.T) {
	handler := observe.NewHealth().Handler(observe.NewRegistry())
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		head := httptest.NewRecorder()
		handler.ServeHTTP(head, httptest.NewRequest(http.MethodHead, path, nil))
		assert.Equal(t, get(handler, path).Code, head.Code, path)
	}
}

func TestLoggerTimeHasFixedWidth(t *testing.T) {
	at := time.Date(2026, 11, 20, 16, 3, 11, 120_000_000, time.FixedZone("", 3600))
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		observe.NewLogger(&out, slog.LevelInfo, format).Info("hello", "dueAt", at)
		assert.Contains(t, out.String(), webhook.FormatTime(at), "as the API shows it")
		assert.Regexp(t, `^({"time":"|time=)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"?[, ]`, out.String())
	}
}

func TestLoggerEveryFormat(t *testing.T) {
	var out bytes.Buffer
	observe.NewLogger(&out, slog.LevelInfo, "json").Info("hello", "deliveryId", "dlv_1")
	assert.Contains(t, out.String(), `"deliveryId":"dlv_1"`)
	out.Reset()
	observe.NewLogger(&out, slog.LevelWarn, "text").Info("hello")
	assert.Empty(t, out.String())
	observe.NewLogger(&out, slog.LevelWarn, "text").Warn("hello", "x", "line\nbreak")
	assert.Contains(t, out.String(), `x="line\nbreak"`)
}
