package httpapi

import (
	"cmp"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"redrive/api-service/internal/apikeys"
	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/endpoints"
	"redrive/api-service/internal/operations"
	"redrive/api-service/internal/organizations"
	"redrive/api-service/internal/publish"
	"redrive/api-service/internal/redeliver"
	"redrive/api-service/internal/sessions"
	"redrive/api-service/internal/statistics"
	"redrive/api-service/internal/trial"
	"redrive/api-service/internal/waitlimit"
	"redrive/pkg/memory"
	"redrive/pkg/webhook"
)

// Dependencies are the parts that the API serves from. The stores are for the operations that need no use case.
type Dependencies struct {
	Endpoints     EndpointStore
	Deliveries    DeliveryStore
	Events        EventStore
	Lookup        LookupStore
	Explainer     Explainer
	BulkJobs      BulkJobStore
	APIKeys       APIKeyStore
	Console       ConsoleSessionStore
	Calls         CallStore
	Authenticator *authn.Authenticator
	Registry      *endpoints.Registry
	Holder        *endpoints.Holder
	Tester        *trial.Tester
	Publisher     *publish.Publisher
	Redeliverer   *redeliver.Redeliverer
	Issuer        *apikeys.Issuer
	// Sessions begins, finds and ends the sessions of the console.
	Sessions      *sessions.Registry
	Organizations OrganizationStore
	EventTypes    EventTypeStore
	// Tenants creates, changes and deletes organizations.
	Tenants *organizations.Registry
	// Waiting bounds the waiting deliveries of organizations with such a limit.
	Waiting *waitlimit.Limiter
	// Operations reads what an operator sees of all organizations.
	Operations *operations.Operations
	Statistics *statistics.Reader
	Limits     Limits
	// DatabaseTimeout is how long a request waits for one statement; a batch waits three times as long. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// Replica reports whether the database has a replica for reads.
	Replica bool
	// Memory bounds the bytes that all requests hold of bodies and pages. Defaults to a budget of memory.Default bytes.
	Memory *memory.Budget
	// MemoryWait is how long a request waits for memory. Defaults to 10 s.
	MemoryWait time.Duration
	// CORSOrigins are the origins whose pages may call the API from a browser.
	CORSOrigins []string
	// Pages makes the pages of the console, which use the API in the same process. Nil means that there is no console.
	Pages func(api Console) http.Handler
	// ConsoleURL is where browsers are led from the root. It is set if Pages is.
	ConsoleURL string
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
	// ownSession is for the console's pages, which find their session themselves.
	ownSession
	// platform is for routes that are about all organizations. They need a platform key and ignore X-Org-ID.
	platform
	// anyKey is for routes that every key may use. They ignore X-Org-ID.
	anyKey
	// browser is for a page that is public for browsers. Other callers need a key, as for a route that does not exist.
	browser
)

// inOrganization reports whether a caller acts for one organization. A platform key then has to name it.
func (a access) inOrganization() bool { return a == read || a == write }

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

// The query parameters of lists.
var (
	// paged are those of every list that has offsets. A list without offsets has limit and cursor.
	paged = []string{"limit", "offset", "cursor"}
	// withBodies are those of a list whose items have bodies.
	withBodies = append([]string{"bodies"}, paged...)
)

const (
	base       = "/v1/execution-webhooks"
	deliveries = base + "/deliveries"
	jobs       = base + "/bulk-jobs"
	keys       = "/v1/api-keys"
	tenants    = "/v1/organizations"
	types      = "/v1/event-types"
	consoles   = "/v1/console-sessions"
)

// routes returns all operations. They are the operations of the OpenAPI document.
func routes(d Dependencies, memory budget, w *writers) []route {
	ep := endpointHandlers{store: d.Endpoints, registry: d.Registry}
	held, test := holdHandlers{d.Holder}, trialHandlers{d.Tester}
	dlv := deliveryHandlers{store: d.Deliveries, redeliverer: d.Redeliverer, memory: memory}
	evt := eventHandlers{publisher: d.Publisher}
	found := searchHandlers{store: d.Events, redeliverer: d.Redeliverer, memory: memory}
	key := apiKeyHandlers{store: d.APIKeys, issuer: d.Issuer}
	org := organizationHandlers{store: d.Organizations, registry: d.Tenants}
	typ := eventTypeHandlers{store: d.EventTypes}
	counted := statisticsHandlers{d.Endpoints, d.Statistics}
	bulk := bulkJobHandlers{store: d.BulkJobs, log: d.Log}
	ses := consoleSessionHandlers{store: d.Console, registry: d.Sessions}
	return []route{
		{http.MethodGet, base, read, 0, append([]string{"status", "failing", "q"}, paged...), w.fromReplica(ep.list)},
		{http.MethodPost, base, write, maxBody, nil, ep.create},
		{http.MethodGet, base + "/:id", read, 0, nil, ep.get},
		{http.MethodGet, base + "/:id/changes", read, 0, []string{"from", "to", "limit", "cursor"}, w.fromReplica(ep.changesOfOne)},
		{http.MethodGet, base + "/changes", read, 0, []string{"endpointId", "by", "from", "to", "limit", "cursor"}, w.fromReplica(ep.changes)},
		{http.MethodGet, base + "/:id/stats", read, 0, statisticsParameters, w.fromReplica(counted.ofEndpoint)},
		{http.MethodGet, base + "/stats", read, 0, statisticsParameters, w.fromReplica(counted.ofOrganization)},
		{http.MethodPatch, base + "/:id", write, maxBody, nil, ep.patch},
		{http.MethodPost, base + "/:id/disable", write, maxBody, nil, held.disable},
		{http.MethodPost, base + "/:id/enable", write, maxBody, nil, ep.enable},
		{http.MethodPost, base + "/:id/regenerate-secret", write, maxBody, nil, ep.regenerateSecret},
		{http.MethodPost, base + "/:id/pause", write, maxBody, nil, held.pause},
		{http.MethodPost, base + "/:id/resume", write, maxBody, nil, held.resume},
		{http.MethodPost, base + "/:id/test", write, maxBody, nil, test.send},
		{http.MethodDelete, base + "/:id", write, 0, nil, held.delete},

		{http.MethodPost, base + "/events", write, maxBody, nil, withinBacklog(d.Waiting, evt.publish)},
		{http.MethodPost, base + "/events/batch", write, maxBatchBody, nil, withinBacklog(d.Waiting, evt.publishBatch)},

		{http.MethodGet, base + "/events", read, 0, append([]string{"limit", "cursor", "bodies"}, webhook.EventParameters...), w.fromReplica(found.list)},
		{http.MethodGet, base + "/events/:id", read, 0, nil, found.get},
		{http.MethodPost, base + "/events/:id/deliver", write, maxBody, nil, found.deliver},

		{http.MethodGet, deliveries, read, 0, slices.Concat(webhook.DeliveryParameters, withBodies), w.fromReplica(dlv.list)},
		{http.MethodGet, deliveries + "/:id", read, 0, nil, dlv.get},
		{http.MethodGet, deliveries + "/:id/attempts", read, 0, withBodies, w.fromReplica(dlv.attempts)},
		{http.MethodGet, deliveries + "/:id/explain", read, 0, nil, explainHandlers{d.Explainer}.get},
		{http.MethodPost, deliveries + "/:id/retry", write, maxBody, nil, dlv.retry},
		{http.MethodPost, deliveries + "/:id/replay", write, maxBody, nil, dlv.replay},
		{http.MethodPost, deliveries + "/:id/cancel", write, maxBody, nil, dlv.cancel},

		{http.MethodGet, jobs, read, 0, []string{"limit", "cursor"}, bulk.list},
		{http.MethodPost, jobs, write, maxBody, nil, bulk.create},
		{http.MethodPost, jobs + "/plan", read, maxBody, nil, bulk.plan},
		{http.MethodGet, jobs + "/:id", read, 0, nil, bulk.get},
		{http.MethodPost, jobs + "/:id/cancel", write, maxBody, nil, bulk.cancel},

		{http.MethodGet, keys, read, 0, paged, key.list},
		{http.MethodPost, keys, write, maxBody, nil, key.create},
		{http.MethodGet, keys + "/:id", read, 0, nil, key.get},
		{http.MethodDelete, keys + "/:id", write, 0, []string{"descendants"}, key.revoke},

		{http.MethodGet, consoles, read, 0, []string{"subject", "limit", "cursor"}, ses.list},
		{http.MethodPost, consoles, write, maxBody, nil, ses.create},
		{http.MethodGet, consoles + "/:id", read, 0, nil, ses.get},
		{http.MethodDelete, consoles + "/:id", write, 0, nil, ses.end},

		{http.MethodGet, tenants, platform, 0, []string{"limit", "cursor", "q", "failing"}, w.fromReplica(org.list)},
		{http.MethodGet, tenants + "/:id", platform, 0, nil, org.get},
		{http.MethodPut, tenants + "/:id", platform, maxBody, nil, org.put},
		{http.MethodDelete, tenants + "/:id", platform, 0, []string{"confirm"}, org.remove},

		{http.MethodGet, types, anyKey, 0, []string{"limit", "cursor"}, typ.list},
		{http.MethodPut, types + "/:name", platform, maxBody, nil, typ.put},
		{http.MethodDelete, types + "/:name", platform, 0, nil, typ.remove},

		{http.MethodGet, "/v1/lookup", platform, 0, []string{"id"}, w.fromReplica(lookupHandlers{d.Lookup}.find)},

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

	calls := newKeyedCalls(d, shared)
	var recent *writers
	if d.Replica {
		recent = newWriters()
	}
	accesses := map[string]access{}
	e.Pre(requestID, safeHeaders, findClient(d.Limits, d.Log), observe(d.Log, d.Metrics), deadline(d.DatabaseTimeout), cors(d.CORSOrigins))
	limits := newLimiter(d.Limits)
	e.Use(gate{authenticator: d.Authenticator, limits: limits, accesses: accesses, writers: recent, log: d.Log}.admit)
	// Without these routes, base/:id would match with the last word of the path as the ID. The routes below replace some of their methods.
	e.Any(base+"/events", only("OPTIONS, GET, HEAD, POST"))
	e.Any(base+"/events/batch", only("OPTIONS, POST"))
	e.Any(jobs, only("OPTIONS, GET, HEAD, POST"))
	e.Any(jobs+"/plan", only("OPTIONS, POST"))
	for _, list := range []string{base + "/changes", base + "/stats", deliveries} {
		e.Any(list, only("OPTIONS, GET, HEAD"))
	}
	for _, r := range append(routes(d, shared, recent), referencePages()...) {
		for _, method := range r.methods() {
			e.Add(method, r.path, r.checked(shared, calls))
			accesses[method+" "+r.path] = r.access
		}
	}
	e.Any("/", toPages(d.ConsoleURL))
	accesses["/"] = browser

	if d.Pages != nil {
		handler := consolePages(d.Pages(Console{echo: e, authenticator: d.Authenticator, limits: limits, log: d.Log}))
		for _, path := range []string{consolePath, consolePath + "/*"} {
			e.Any(path, handler)
			accesses[path] = ownSession
		}
	}

	if d.Queues.enabled() {
		handler := queues(d.Redis, d.Queues)
		for _, path := range []string{queuesPath, queuesPath + "/*"} {
			e.Any(path, handler)
			accesses[path] = ownPassword
		}
	}
	return e
}

// only answers the methods that are not allowed as Echo does for a path that does not support them.
func only(allowed string) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAllow, allowed)
		if c.Request().Method == http.MethodOptions {
			return c.NoContent(http.StatusNoContent)
		}
		return echo.ErrMethodNotAllowed
	}
}
