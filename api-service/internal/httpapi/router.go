package httpapi

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"redrive/api-service/internal/apikeys"
	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/endpoints"
	"redrive/api-service/internal/publish"
	"redrive/api-service/internal/redeliver"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

// Dependencies are the parts that the API serves from. The stores are for the operations that need no use case.
type Dependencies struct {
	Endpoints     EndpointStore
	Deliveries    DeliveryStore
	APIKeys       APIKeyStore
	Authenticator *authn.Authenticator
	Registry      *endpoints.Registry
	Publisher     *publish.Publisher
	Redeliverer   *redeliver.Redeliverer
	Issuer        *apikeys.Issuer
	Limits        Limits
	// DatabaseTimeout is how long a request waits for one statement; a batch waits three times as long. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// Memory bounds the bytes that all requests hold of bodies and pages. Defaults to a budget of memory.Default bytes.
	Memory *memory.Budget
	// MemoryWait is how long a request waits for memory. Defaults to 10 s.
	MemoryWait time.Duration
	// CORSOrigins are the origins whose pages may call the API from a browser.
	CORSOrigins []string
	// Redis and Queues are for the queue's web UI.
	Redis   redis.UniversalClient
	Queues  QueuesOptions
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

func (d Dependencies) budget() budget {
	return budget{d.Memory, cmp.Or(d.MemoryWait, memoryWait), newTurns()}
}

// access is the permission that a route requires.
type access int

const (
	read access = iota
	write
	public
	// ownPassword is for routes that check a password themselves.
	ownPassword
	// browser is for a page that is public for browsers. Other callers need a key, as for a route that does not exist.
	browser
)

// route is one operation of the contract.
type route struct {
	method string
	path   string
	access access
	// bodyLimit is the size of the largest body that the route accepts, in bytes. It is 0 for a route that ignores the body.
	bodyLimit int64
	// query has the names of the query parameters that the route accepts. Others are refused.
	query   []string
	handler echo.HandlerFunc
}

// methods returns the route's method, and HEAD beside GET. net/http drops the body of an answer to HEAD.
func (r route) methods() []string {
	if r.method == http.MethodGet {
		return []string{http.MethodGet, http.MethodHead}
	}
	return []string{r.method}
}

// paged are the query parameters of every list.
var paged = []string{"limit", "offset"}

const (
	base       = "/v1/execution-webhooks"
	deliveries = base + "/deliveries"
	keys       = "/v1/api-keys"
)

// routes returns all operations. They are the operations of the OpenAPI document.
func routes(d Dependencies, memory budget) []route {
	ep := endpointHandlers{store: d.Endpoints, registry: d.Registry}
	dlv := deliveryHandlers{store: d.Deliveries, redeliverer: d.Redeliverer, memory: memory}
	evt := eventHandlers{publisher: d.Publisher}
	key := apiKeyHandlers{store: d.APIKeys, issuer: d.Issuer}
	return []route{
		{http.MethodGet, base, read, 0, paged, ep.list},
		{http.MethodPost, base, write, maxBody, nil, ep.create},
		{http.MethodGet, base + "/:id", read, 0, nil, ep.get},
		{http.MethodPost, base + "/:id/disable", write, maxBody, nil, ep.setStatus(webhook.EndpointDisabled)},
		{http.MethodPost, base + "/:id/enable", write, maxBody, nil, ep.setStatus(webhook.EndpointActive)},
		{http.MethodPost, base + "/:id/regenerate-secret", write, maxBody, nil, ep.regenerateSecret},

		{http.MethodPost, base + "/events", write, maxBody, nil, evt.publish},
		{http.MethodPost, base + "/events/batch", write, maxBatchBody, nil, evt.publishBatch},

		{http.MethodGet, deliveries, read, 0, append([]string{"endpointId"}, paged...), dlv.list},
		{http.MethodGet, deliveries + "/:id", read, 0, nil, dlv.get},
		{http.MethodGet, deliveries + "/:id/attempts", read, 0, paged, dlv.attempts},
		{http.MethodPost, deliveries + "/:id/retry", write, maxBody, nil, dlv.retry},
		{http.MethodPost, deliveries + "/:id/replay", write, maxBody, nil, dlv.replay},

		{http.MethodGet, keys, read, 0, paged, key.list},
		{http.MethodPost, keys, write, maxBody, nil, key.create},
		{http.MethodGet, keys + "/:id", read, 0, nil, key.get},
		{http.MethodDelete, keys + "/:id", write, 0, nil, key.revoke},

		{http.MethodGet, "/openapi.yaml", public, 0, nil, openAPIYAML},
		{http.MethodGet, "/openapi.json", public, 0, nil, openAPIJSON},
	}
}

// New makes the API's handler.
func New(d Dependencies) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard) // observe logs the errors
	e.JSONSerializer = serializer{}
	e.HTTPErrorHandler = handleError
	if d.Memory == nil {
		d.Memory = memory.New(0)
	}
	shared := d.budget()

	accesses := map[string]access{}
	e.Pre(requestID, safeHeaders, findClient(d.Limits, d.Log), observe(d.Log, d.Metrics), deadline(d.DatabaseTimeout), cors(d.CORSOrigins))
	e.Use(gate{authenticator: d.Authenticator, limits: newLimiter(d.Limits), accesses: accesses}.admit)
	// Without this route, base/:id would match with "events" as the ID. The route for POST below replaces one of its methods.
	e.Any(base+"/events", onlyPost)
	for _, r := range append(routes(d, shared), referencePages()...) {
		for _, method := range r.methods() {
			e.Add(method, r.path, r.checked(shared))
			accesses[method+" "+r.path] = r.access
		}
	}
	e.Any("/", toDocs)
	accesses["/"] = browser

	if d.Queues.enabled() {
		handler := queues(d.Redis, d.Queues)
		for _, path := range []string{queuesPath, queuesPath + "/*"} {
			e.Any(path, handler)
			accesses[path] = ownPassword
		}
	}
	return e
}

// onlyPost answers all methods other than POST as Echo answers methods that a path does not support.
func onlyPost(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderAllow, "OPTIONS, POST")
	if c.Request().Method == http.MethodOptions {
		return c.NoContent(http.StatusNoContent)
	}
	return echo.ErrMethodNotAllowed
}
