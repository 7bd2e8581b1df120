package watch_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	api "redrive/api-service/app"
	dispatcher "redrive/dispatcher-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/keyring"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
	"redrive/pkg/store/postgres"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

const (
	base    = "/v1/execution-webhooks"
	soon    = time.Minute // a safety limit: no verdict depends on it
	secrets = "t0ken-of-a-customer"
)

// redrive has both services in this process, a PostgreSQL, a Redis, and a receiver whose first answer is an error.
type redrive struct {
	t        *testing.T
	url, key string
	log      *testlog.Buffer
	redis    redis.UniversalClient
	receiver *httptest.Server
	requests chan http.Header
}

type options struct {
	tracing         trace.TracerProvider
	sendTraceparent bool
}

func newRedrive(t *testing.T, o options) *redrive {
	t.Helper()
	r := &redrive{t: t, log: new(testlog.Buffer), requests: make(chan http.Header, 100)}
	var once sync.Once
	r.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		once.Do(func() { w.WriteHeader(http.StatusInternalServerError) })
		r.requests <- request.Header
	}))
	t.Cleanup(r.receiver.Close)

	raw, err := keyring.Generate()
	require.NoError(t, err)
	keys, err := keyring.Parse(raw)
	require.NoError(t, err)
	database := postgres.Options{URL: testservers.Postgres(t)}
	if o.tracing != nil {
		database.Tracer = tracing.Statements{}
	}
	opened, err := postgres.Open(database, keys)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	_, err = opened.Migrate(t.Context())
	require.NoError(t, err)
	key, secret := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: "org", Name: "test", Scope: webhook.ScopeReadWrite}, webhook.Now())
	require.NoError(t, opened.CreateAPIKey(t.Context(), key))
	r.key = secret.Reveal()
	r.redis, err = queue.Connect(testservers.Redis(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.redis.Close()) })

	guard := egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	log := observe.NewLogger(r.log, slog.LevelInfo, "json")
	front, err := api.New(api.Options{
		Store: opened, Redis: r.redis, Guard: guard, Log: log, Addr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0", Tracing: o.tracing,
	})
	require.NoError(t, err)
	r.run(front)
	back, err := dispatcher.New(dispatcher.Options{
		Store: opened, Redis: r.redis, Guard: guard, Log: log, OpsAddr: "127.0.0.1:0", Tracing: o.tracing, SendTraceparent: o.sendTraceparent,
		RetrySchedule: []time.Duration{time.Millisecond},
	})
	require.NoError(t, err)
	r.run(back)
	r.url = "http://" + front.Addr()
	// The rebuild of a new queue may enqueue an event that is published meanwhile. Such a delivery is part of no request's trace.
	require.Eventually(t, func() bool {
		intact, err := queue.NewEnqueuer(r.redis).Intact(t.Context())
		return err == nil && intact
	}, soon, 5*time.Millisecond)
	return r
}

type service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

func (r *redrive) run(s service) {
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		assert.NoError(r.t, s.Stop(ctx))
	})
	require.NoError(r.t, s.Start(r.t.Context()))
}

// post returns the data and the headers of the answer.
func (r *redrive) post(path, body string, headers ...string) (map[string]any, http.Header) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+path, strings.NewReader(body))
	require.NoError(r.t, err)
	request.Header.Set("Authorization", "Bearer "+r.key)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: soon}
	response, err := client.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, http.StatusOK, response.StatusCode, string(content))
	var answer struct{ Data map[string]any }
	require.NoError(r.t, json.Unmarshal(content, &answer))
	return answer.Data, response.Header
}

// deliver publishes an event that fails once and then succeeds, and returns when the second attempt is in the log.
func (r *redrive) deliver(headers ...string) (deliveryID string, first, second http.Header) {
	r.t.Helper()
	r.post(base, `{"name":"test","url":"`+r.receiver.URL+`/hook?token=`+secrets+`"}`)
	made, _ := r.post(base+"/events", `{"eventType":"run.finished","data":{"ok":true}}`, headers...)
	deliveries, _ := made["deliveries"].([]any)
	require.Len(r.t, deliveries, 1)
	delivery, _ := deliveries[0].(map[string]any)
	deliveryID, _ = delivery["id"].(string)
	first, second = <-r.requests, <-r.requests
	require.Eventually(r.t, func() bool { return len(r.log.Records("attempt")) == 2 }, soon, 5*time.Millisecond)
	return deliveryID, first, second
}
