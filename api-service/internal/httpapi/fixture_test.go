package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/apikeys"
	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/endpoints"
	"redrive/api-service/internal/explain"
	"redrive/api-service/internal/invalidate"
	"redrive/api-service/internal/metrics"
	"redrive/api-service/internal/organizations"
	"redrive/api-service/internal/publish"
	"redrive/api-service/internal/redeliver"
	"redrive/api-service/internal/sessions"
	"redrive/api-service/internal/statistics"
	"redrive/api-service/internal/trial"
	"redrive/api-service/internal/waitlimit"
	"redrive/api-service/openapi"
	"redrive/api-service/openapi/openapitest"
	"redrive/pkg/queue"
	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testlog"
	"redrive/pkg/webhook"
)

// service is the API on a real socket with its own real database, which has one organization.
type service struct {
	url    string
	store  *store.Store
	log    *testlog.Buffer
	server *httptest.Server
	client *http.Client
	reader string // the raw keys of the organization
	writer string
}

const organization = "org_own"

// publicURL is the PUBLIC_URL of the service.
const publicURL = "https://hooks.example.com/redrive"

func newService(t *testing.T, change ...func(*Dependencies)) *service {
	t.Helper()
	return serve(t, storetest.NewPostgres(t), change...)
}

func serve(t *testing.T, opened *store.Store, change ...func(*Dependencies)) *service {
	t.Helper()
	return serveWithin(t, opened, 10*time.Second, change...)
}

// serveWithin is serve with a read timeout.
func serveWithin(t *testing.T, opened *store.Store, readTimeout time.Duration, change ...func(*Dependencies)) *service {
	t.Helper()
	s := &service{store: opened, log: new(testlog.Buffer)}
	written := metrics.New(prometheus.NewRegistry())
	limiter := waitlimit.New(opened)
	authenticator := authn.New(opened, unnoted{}, authn.Options{})
	publisher := publish.New(opened, waitlimit.Counted{Queue: noQueue{}, Limiter: limiter}, written, publish.Options{})
	invalidating := invalidate.Store{Store: opened, Publisher: publisher, Authenticator: authenticator}
	dependencies := Dependencies{
		Endpoints:     invalidating,
		Deliveries:    opened,
		Events:        opened,
		Lookup:        opened,
		Explainer:     explain.New(opened, noSituation{}, slog.New(slog.DiscardHandler)),
		Statistics:    statistics.New(opened),
		BulkJobs:      opened,
		APIKeys:       opened,
		Calls:         opened,
		Authenticator: authenticator,
		Issuer:        apikeys.New(invalidating),
		Console:       opened,
		Sessions:      sessions.New(opened, sessions.Options{PublicURL: publicURL}),
		Organizations: opened,
		EventTypes:    opened,
		Tenants:       organizations.New(invalidating, organizations.Options{ErasureDelay: time.Hour}),
		Waiting:       limiter,
		Registry:      endpoints.New(invalidating, anywhere{}),
		Holder:        endpoints.NewHolder(invalidating, noLanes{}, slog.New(slog.DiscardHandler)),
		Tester:        trial.New(opened, opened, noQueue{}, trial.Options{Patience: time.Millisecond}), // no dispatcher ends a test
		Publisher:     publisher,
		Redeliverer:   redeliver.New(opened, waitlimit.Counted{Queue: noQueue{}, Limiter: limiter}, written, redeliver.Options{}),
		Log:           slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics:       prometheus.NewRegistry(),
	}
	for _, f := range change {
		f(&dependencies)
	}
	server := httptest.NewUnstartedServer(New(dependencies))
	server.Config.ReadTimeout = readTimeout
	server.Config.ErrorLog = slog.NewLogLogger(dependencies.Log.Handler(), slog.LevelDebug)
	server.Start()
	t.Cleanup(server.Close)
	s.url, s.server = server.URL, server
	s.client = &http.Client{
		Transport:     &http.Transport{},
		Timeout:       time.Minute, // a safety limit; no assertion depends on it
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// lines stops the service, so that its log is complete, and returns the log.
func (s *service) lines(t *testing.T) []map[string]any {
	t.Helper()
	s.server.Close()
	var lines []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var attributes map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &attributes), "%s", line)
		lines = append(lines, attributes)
	}
	return lines
}

// withKeys creates the two keys of the organization.
func (s *service) withKeys(t *testing.T) *service {
	t.Helper()
	s.reader = s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeRead})
	s.writer = s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeReadWrite})
	return s
}

func (s *service) newKey(t *testing.T, spec webhook.APIKeySpec, change ...func(*webhook.APIKey)) string {
	t.Helper()
	if spec.OrganizationID == "" {
		spec.OrganizationID = organization
	}
	spec.Name = "test"
	key, raw := webhook.NewAPIKey(spec, webhook.Now())
	for _, f := range change {
		f(&key)
	}
	require.NoError(t, s.store.CreateAPIKey(t.Context(), key))
	return raw.Reveal()
}

// answer is a complete answer.
type answer struct {
	status int
	header http.Header
	body   []byte
	last   bool // the connection is closed after it
}

// call sends a request with a key. The changes may modify it.
func (s *service) call(t *testing.T, method, path, key, body string, change ...func(*http.Request)) answer {
	t.Helper()
	request := s.request(t, method, path, key, body)
	for _, f := range change {
		f(request)
	}
	response, err := s.client.Do(request)
	require.NoError(t, err)
	return readAnswer(t, response)
}

func (s *service) request(t *testing.T, method, path, key, body string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	return request
}

func readAnswer(t *testing.T, response *http.Response) answer {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, body, response.Close}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// failure is the error envelope.
type failure struct {
	Code      int
	Message   string
	RequestID string `json:"requestId"`
	Details   []struct{ Reason, Field, Message string }
}

// refused checks that an answer is an error of the document, with the reason in its first detail.
func refused(t *testing.T, a answer, status int, reason string) failure {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	var untyped any
	require.NoError(t, json.Unmarshal(a.body, &untyped), "%s", a.body)
	schemas := document(t).Components.Schemas
	require.NoError(t, schemas["Error"].Value.VisitJSON(untyped), "%s", a.body)

	var f failure
	require.NoError(t, json.Unmarshal(a.body, &f))
	assert.Equal(t, status, f.Code)
	assert.Equal(t, reason, f.Details[0].Reason, "%s", a.body)
	assert.Contains(t, schemas["ErrorDetail"].Value.Properties["reason"].Value.Description, "`"+f.Details[0].Reason+"`", "the reason is not in the document")
	assert.Equal(t, f.RequestID, a.header.Get("X-Request-Id"))
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	assertSafeHeaders(t, a)
	if status == http.StatusUnauthorized {
		assert.Equal(t, `Bearer realm="redrive"`, a.header.Get("WWW-Authenticate"))
	}
	return f
}

// granted checks that an answer is a success and returns its data.
func granted(t *testing.T, a answer) map[string]any {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	var success struct {
		Code               int
		Message, RequestID string
		Data               map[string]any
	}
	require.NoError(t, json.Unmarshal(a.body, &success))
	assert.Equal(t, 200, success.Code)
	assert.Equal(t, "success", success.Message)
	assert.Equal(t, a.header.Get("X-Request-Id"), success.RequestID)
	return success.Data
}

var document = func() func(*testing.T) *openapi3.T {
	loaded := sync.OnceValues(func() (*openapi3.T, error) {
		text, err := openapi.YAML()
		if err != nil {
			return nil, err
		}
		return openapitest.Load(text)
	})
	return func(t *testing.T) *openapi3.T {
		t.Helper()
		d, err := loaded()
		require.NoError(t, err)
		return d
	}
}()

const (
	createBody  = `{"name": "Billing", "url": "https://hooks.example.com/redrive"}`
	publishBody = `{"eventType": "run.finished", "data": {"n": 1}}`
)

// endpoint creates an endpoint and returns its ID and its secret.
func (s *service) endpoint(t *testing.T, key string) (id, secret string) {
	t.Helper()
	data := granted(t, s.call(t, "POST", base, key, createBody))
	return data["endpoint"].(map[string]any)["id"].(string), data["signingSecret"].(string)
}

// delivery publishes an event to one endpoint and returns the ID of its delivery.
func (s *service) delivery(t *testing.T, key string) string {
	t.Helper()
	data := granted(t, s.call(t, "POST", base+"/events", key, publishBody))
	return data["deliveries"].([]any)[0].(map[string]any)["id"].(string)
}

// fail sets a delivery to failure, as the dispatcher does.
func (s *service) fail(t *testing.T, id string) {
	t.Helper()
	dispatch, err := s.store.LoadDispatch(t.Context(), id)
	require.NoError(t, err)
	failed, err := dispatch.Delivery.Failed(webhook.FailureEndpointDisabled, webhook.Now())
	require.NoError(t, err)
	_, err = s.store.FailDelivery(t.Context(), failed)
	require.NoError(t, err)
}

// revive requeues a delivery that has failed, as a retry does.
func (s *service) revive(t *testing.T, id string) {
	t.Helper()
	_, err := s.store.RetryDelivery(t.Context(), organization, id, webhook.Now())
	require.NoError(t, err)
}

// prepare gives a delivery the status that the route needs.
func (s *service) prepare(t *testing.T, r route, id string) {
	t.Helper()
	status, err := s.store.FindStatus(t.Context(), organization, id)
	require.NoError(t, err)
	switch {
	case strings.HasSuffix(r.path, "/retry") && status.Waiting():
		s.fail(t, id)
	case strings.HasSuffix(r.path, "/cancel") && !status.Waiting():
		s.revive(t, id)
	}
}

// anywhere allows every destination.
type anywhere struct{}

func (anywhere) Check(context.Context, string) error { return nil }

// unnoted ignores the uses of keys.
type unnoted struct{}

func (unnoted) Used(webhook.APIKey, time.Time) {}

// noQueue accepts every delivery and drops it.
type noQueue struct{}

func (noQueue) Enqueue(context.Context, ...webhook.Delivery) {}

// noSituation is a Redis that cannot be read.
type noSituation struct{}

func (noSituation) ReadSituation(context.Context, webhook.Delivery) (queue.Situation, error) {
	return queue.Situation{}, errors.New("connection refused")
}

// noLanes opens nothing.
type noLanes struct{}

func (noLanes) Open(context.Context, []webhook.Lane) error { return nil }

// unguessable returns a random text.
func unguessable() string { return rand.Text() }
