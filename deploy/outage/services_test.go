package outage_test

import (
	"bytes"
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

	api "redrive/api-service/app"
	dispatcher "redrive/dispatcher-service/app"
	"redrive/pkg/egress"
	"redrive/pkg/queue"
	"redrive/pkg/signing"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

const (
	organization = "org_outage"
	// soon bounds every wait for a signal. No verdict depends on it.
	soon = time.Minute
	poll = 10 * time.Millisecond
)

// services are both services over one database, each with a pool of its own.
type services struct {
	t          *testing.T
	api        *api.App
	dispatcher *dispatcher.App
	key        string
	log        *testlog.Buffer
	receiver   *receiver
}

// places are the URLs of what the services use. Those that are empty are those of a fresh Redis and of the API's PostgreSQL.
type places struct {
	apiDatabase, dispatcherDatabase string
	apiRedis, dispatcherRedis       string
}

// start starts both services over the database of url and creates an API key.
func start(t *testing.T, url string) *services {
	t.Helper()
	return startApart(t, places{apiDatabase: url})
}

// startApart is start with URLs for each service. An outcome that an available database refuses is not retried, so that
// only an unavailable database keeps outcomes in memory.
func startApart(t *testing.T, at places) *services {
	t.Helper()
	return startSealed(t, storetest.Sealer(t), at)
}

// startSealed is startApart with the keys of the services.
func startSealed(t *testing.T, sealer store.Sealer, at places) *services {
	t.Helper()
	if at.dispatcherDatabase == "" {
		at.dispatcherDatabase = at.apiDatabase
	}
	if at.apiRedis == "" {
		at.apiRedis = testservers.Redis(t)
		at.dispatcherRedis = at.apiRedis
	}
	s := &services{t: t, log: new(testlog.Buffer), receiver: newReceiver(t)}
	open := func(application, url string) *store.Store {
		opened, err := postgres.Open(postgres.Options{URL: url, ApplicationName: application}, sealer)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, opened.Close()) })
		return opened
	}
	apiStore, dispatcherStore := open("api-service", at.apiDatabase), open("dispatcher-service", at.dispatcherDatabase)
	storetest.Migrated(t, apiStore)
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{OrganizationID: organization, Name: "test", Scope: webhook.ScopeReadWrite}, webhook.Now())
	require.NoError(t, apiStore.CreateAPIKey(t.Context(), key))
	s.key = raw.Reveal()

	connectRedis := func(url string) redis.UniversalClient {
		connected, err := queue.Connect(url)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, connected.Close()) })
		return connected
	}
	apiRedis, dispatcherRedis := connectRedis(at.apiRedis), connectRedis(at.dispatcherRedis)
	guard := egress.New(egress.Config{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	log := slog.New(slog.NewJSONHandler(s.log, nil))
	var err error
	s.dispatcher, err = dispatcher.New(dispatcher.Options{
		Store: dispatcherStore, Redis: dispatcherRedis, Guard: guard, Log: log, OpsAddr: "127.0.0.1:0", OutcomePatience: time.Nanosecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s.dispatcher.Stop) })
	s.api, err = api.New(api.Options{
		Store: apiStore, Redis: apiRedis, Guard: guard, Log: log, Addr: "127.0.0.1:0", OpsAddr: "127.0.0.1:0", DatabaseTimeout: soon,
	})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s.api.Stop) })
	require.NoError(t, s.dispatcher.Start(t.Context()))
	require.NoError(t, s.api.Start(t.Context()))
	return s
}

func stop(t *testing.T, stop func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	assert.NoError(t, stop(ctx))
}

var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// call calls the API and returns the status, the header and the decoded body.
func (s *services) call(method, path string, body any) (status int, header http.Header, answer map[string]any) {
	s.t.Helper()
	content, err := json.Marshal(body)
	require.NoError(s.t, err)
	if body == nil {
		content = nil
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.api.Addr()+"/v1/execution-webhooks"+path, bytes.NewReader(content))
	require.NoError(s.t, err)
	request.Header.Set("Authorization", "Bearer "+s.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	require.NoError(s.t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(s.t, json.NewDecoder(response.Body).Decode(&answer))
	return response.StatusCode, response.Header, answer
}

// ops returns the answer of a path of an ops port.
func ops(t *testing.T, addr, path string) (status int, body string) {
	t.Helper()
	response, err := client.Get("http://" + addr + path)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(content)
}

// away reports whether the dispatcher's metric shows an unavailable database.
func (s *services) away() bool {
	return gauge(s.t, s.dispatcher.OpsAddr(), "redrive_database_away") == "1"
}

// health returns the overall status of an ops port's /readyz and that of one check.
func health(t *testing.T, addr, check string) (overall, checked string) {
	t.Helper()
	_, body := ops(t, addr, "/readyz")
	var report struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &report), body)
	return report.Status, report.Checks[check]
}

// gauge returns the value of a metric of an ops port, or "" if it has none.
func gauge(t *testing.T, addr, name string) string {
	t.Helper()
	_, metrics := ops(t, addr, "/metrics")
	for line := range strings.Lines(metrics) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// opsAddrs returns the ops ports of both services by name.
func (s *services) opsAddrs() map[string]string {
	return map[string]string{"api-service": s.api.OpsAddr(), "dispatcher-service": s.dispatcher.OpsAddr()}
}

// endpoint registers the receiver.
func (s *services) endpoint() {
	s.t.Helper()
	status, _, answer := s.call(http.MethodPost, "", map[string]any{"name": "n", "url": s.receiver.URL})
	require.Less(s.t, status, 300, answer)
}

func (s *services) publish() {
	s.t.Helper()
	status, _, answer := s.call(http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": map[string]any{}})
	require.Less(s.t, status, 300, answer)
}

// statuses counts the deliveries on record by status, or returns nil if the API cannot list them.
func (s *services) statuses() map[string]int {
	status, _, answer := s.call(http.MethodGet, "/deliveries?limit=100", nil)
	if status != http.StatusOK {
		return nil
	}
	counts := map[string]int{}
	for _, item := range answer["data"].(map[string]any)["items"].([]any) {
		counts[item.(map[string]any)["status"].(string)]++
	}
	return counts
}

// receiver records its requests. While it is held, it does not answer.
type receiver struct {
	*httptest.Server
	mutex sync.Mutex
	held  chan struct{} // nil while requests are answered immediately
	fails bool          // with status 500
	got   map[string]int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mutex.Lock()
		r.got[request.Header.Get(signing.HeaderID)]++
		held, fails := r.held, r.fails
		r.mutex.Unlock()
		if held != nil {
			<-held
		}
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(r.Close)
	t.Cleanup(r.release) // a failed test may hold requests, which Close would wait for
	return r
}

// hold keeps requests unanswered until the returned function is called.
func (r *receiver) hold() (release func()) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.held = make(chan struct{})
	return r.release
}

// release answers the held requests. Without held requests it does nothing.
func (r *receiver) release() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.held != nil {
		close(r.held)
		r.held = nil
	}
}

// fail sets whether later requests are answered with status 500.
func (r *receiver) fail(fails bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.fails = fails
}

// requests returns how often each delivery arrived.
func (r *receiver) requests() map[string]int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	copied := map[string]int{}
	for id, times := range r.got {
		copied[id] = times
	}
	return copied
}
