package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/dispatcher-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/queue"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/signing"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), queuetest.IgnoreDials()) }

const (
	// safetyLimit ends a test that hangs. No verdict depends on it.
	safetyLimit = time.Minute
	org         = "org_a"
)

// bench has the servers of a dispatcher, and a receiver that signals each request.
type bench struct {
	t        *testing.T
	store    *store.Store
	redis    redis.UniversalClient
	receiver *httptest.Server
	received chan string // delivery IDs
}

func newBench(t *testing.T, postgresURL, redisURL string) *bench {
	t.Helper()
	b := &bench{t: t, received: make(chan string, 100), store: storetest.OpenPostgres(t, postgresURL)}
	var err error
	b.redis, err = queue.Connect(redisURL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.redis.Close()) })
	b.receiver = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { b.received <- r.Header.Get(signing.HeaderID) }))
	t.Cleanup(b.receiver.Close)
	return b
}

func (b *bench) migrate() {
	b.t.Helper()
	storetest.Migrated(b.t, b.store)
}

func (b *bench) options() app.Options {
	return app.Options{
		Store: b.store, Redis: b.redis, Log: slog.New(slog.DiscardHandler), OpsAddr: "127.0.0.1:0", Concurrency: 4,
		DeliveryTimeout: safetyLimit, ReconcileInterval: 50 * time.Millisecond, Version: "test",
		Guard: egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}
}

func (b *bench) start() *app.App {
	b.t.Helper()
	service, err := app.New(b.options())
	require.NoError(b.t, err)
	require.NoError(b.t, service.Start(b.t.Context()))
	b.t.Cleanup(func() { stop(b.t, service) })
	return service
}

func stop(t *testing.T, service *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), service.TimeToStop())
	defer cancel()
	require.NoError(t, service.Stop(ctx))
}

// publish commits a delivery to the receiver and returns it without enqueueing it.
func (b *bench) publish(due time.Time) webhook.Delivery {
	b.t.Helper()
	secret, err := signing.NewSecret()
	require.NoError(b.t, err)
	endpoint := webhook.NewEndpoint(org, "key_a", webhook.EndpointSpec{Name: "n", URL: b.receiver.URL}, webhook.Secret(secret), webhook.Now())
	require.NoError(b.t, b.store.CreateEndpoint(b.t.Context(), endpoint))
	event := webhook.NewEvent(org, webhook.EventSpec{Type: "run.finished", Data: []byte(`{}`)}, webhook.Now())
	d := webhook.NewDelivery(event, endpoint, due)
	require.NoError(b.t, b.store.CreateEvent(b.t.Context(), event, []webhook.Delivery{d}))
	return d
}

// arrives waits until the receiver has the delivery and the database has its success.
func (b *bench) arrives(d webhook.Delivery) {
	b.t.Helper()
	select {
	case id := <-b.received:
		require.Equal(b.t, d.ID, id)
	case <-time.After(safetyLimit):
		require.FailNow(b.t, "it did not arrive")
	}
	require.Eventually(b.t, func() bool {
		record, err := b.store.FindDelivery(b.t.Context(), org, d.ID)
		return err == nil && record.Delivery.Status == webhook.StatusSuccess
	}, safetyLimit, 5*time.Millisecond)
}

// reports waits until one dispatcher reports how many deliveries it handles at once.
func (b *bench) reports(workers int) {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		summaries, err := queue.NewSummaryReader(b.redis).ReadSummaries(b.t.Context())
		return err == nil && len(summaries) == 1 && summaries[0].Dispatcher.Workers == workers && summaries[0].Dispatcher.Host != ""
	}, safetyLimit, 5*time.Millisecond)
}

// counted asserts how the attempts of the last hour ended. A dispatcher has added all of its own once it has stopped.
func (b *bench) counted(want map[string]int64) {
	b.t.Helper()
	minutes, err := queue.NewMinuteCounter(b.redis).ReadMinutes(b.t.Context(), webhook.Now())
	require.NoError(b.t, err)
	found := map[string]int64{}
	for _, minute := range minutes.Counts {
		for result, count := range minute.Results {
			found[result] += count
		}
	}
	assert.Equal(b.t, want, found)
	assert.WithinDuration(b.t, webhook.Now(), minutes.Since, safetyLimit)
}

// becomes waits until the service is ready with the status, and describes itself with the word.
func becomes(t *testing.T, service *app.App, status int, word string) {
	t.Helper()
	var body string
	require.Eventually(t, func() bool {
		var now int
		now, body = get(t, service, "/readyz")
		return now == status && strings.Contains(body, word)
	}, safetyLimit, 20*time.Millisecond, "%d %s", status, word)
}

// get asks the ops port.
func get(t *testing.T, service *app.App, path string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + service.OpsAddr() + path)
	require.NoError(t, err)
	defer func() { assert.NoError(t, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

// holding is a receiver that signals a request and holds the answer.
func holding(held, release chan struct{}) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(held)
		<-release
	})
}
