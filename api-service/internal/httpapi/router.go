package httpapi

import (
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
	"redrive/pkg/webhook"
)

// Store is what is read, or switched, without a use case of its own.
type Store interface {
	endpointStore
	deliveryStore
	apiKeyStore
}

// Dependencies are what the API serves from.
type Dependencies struct {
	Store         Store
	Authenticator *authn.Authenticator
	Registry      *endpoints.Registry
	Publisher     *publish.Publisher
	Redeliverer   *redeliver.Redeliverer
	Issuer        *apikeys.Issuer
	Limits        Limits
	// DatabaseTimeout is how long a request waits for one statement; a batch waits three times as long. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// CORSOrigins are the origins whose pages may call the API from a browser.
	CORSOrigins []string
	// Redis and Queues are for the queue's web UI.
	Redis   redis.UniversalClient
	Queues  QueuesOptions
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// access is what a caller needs for a route.
type access int

const (
	read access = iota
	write
	public
	// ownPassword is for routes that ask for one of their own.
	ownPassword
	// browser is for a page that is public to a browser. Other callers need a key, as they do for a route that does not exist.
	browser
)

// route is one operation of the contract.
type route struct {
	method string
	path   string
	access access
	// bodyLimit is the size of the longest body that the route takes, in bytes. 0 is for a route that takes none.
	bodyLimit int64
	// query has the names of the query parameters that the route takes. Others are refused.
	query   []string
	handler echo.HandlerFunc
}

// methods are the route's own and, beside GET, HEAD: it is answered likewise, and net/http leaves the body out.
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

// routes are all operations, and the same set as those of the OpenAPI document.
func routes(d Dependencies) []route {
	ep := endpointHandlers{store: d.Store, registry: d.Registry}
	dlv := deliveryHandlers{store: d.Store, redeliverer: d.Redeliverer}
	evt := eventHandlers{publisher: d.Publisher}
	key := apiKeyHandlers{store: d.Store, issuer: d.Issuer}
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
	e.Logger.SetOutput(io.Discard) // errors are logged by our own middleware
	e.JSONSerializer = serializer{}
	e.HTTPErrorHandler = handleError

	accesses := map[string]access{}
	e.Pre(requestID, safeHeaders, whereFrom(d.Limits, d.Log), observe(d.Log, d.Metrics), deadline(d.DatabaseTimeout), cors(d.CORSOrigins))
	e.Use(gate{authenticator: d.Authenticator, limits: newLimiter(d.Limits), accesses: accesses}.admit)
	// Without this, base/:id would take the word for an id. The route itself, below, replaces one of these.
	e.Any(base+"/events", onlyPost)
	for _, r := range append(routes(d), referencePages()...) {
		for _, method := range r.methods() {
			e.Add(method, r.path, r.checked())
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

// onlyPost answers all other methods the way Echo does where it knows by itself.
func onlyPost(c echo.Context) error {
	c.Response().Header().Set(echo.HeaderAllow, "OPTIONS, POST")
	if c.Request().Method == http.MethodOptions {
		return c.NoContent(http.StatusNoContent)
	}
	return echo.ErrMethodNotAllowed
}
