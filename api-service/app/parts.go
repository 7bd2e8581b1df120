package app

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/api-service/internal/admission"
	"redrive/api-service/internal/apikeys"
	"redrive/api-service/internal/authn"
	"redrive/api-service/internal/endpoints"
	"redrive/api-service/internal/enqueue"
	"redrive/api-service/internal/explain"
	"redrive/api-service/internal/httpapi"
	"redrive/api-service/internal/invalidate"
	"redrive/api-service/internal/lastused"
	"redrive/api-service/internal/metrics"
	"redrive/api-service/internal/operations"
	"redrive/api-service/internal/organizations"
	"redrive/api-service/internal/publish"
	"redrive/api-service/internal/redeliver"
	"redrive/api-service/internal/sessions"
	"redrive/api-service/internal/statistics"
	"redrive/api-service/internal/trial"
	"redrive/api-service/internal/waitlimit"
	"redrive/pkg/linger"
	"redrive/pkg/memory"
	"redrive/pkg/observe"
	"redrive/pkg/queue"
)

// pipelineDelay is how long an enqueue waits for others, so that they share a pipeline. Requests that shared a commit enqueue at the same
// time, and each of them waits for Redis.
const pipelineDelay = 500 * time.Microsecond

// parts are the parts of the service that work in the background and have to be stopped.
type parts struct {
	admission     *admission.Gate
	publisher     *publish.Publisher
	redeliverer   *redeliver.Redeliverer
	enqueuer      *enqueue.Enqueuer
	pipelined     *queue.Pipelined
	tasks         *queue.Enqueuer
	uses          *lastused.Recorder
	authenticator *authn.Authenticator
	sessions      *sessions.Registry
	waiting       *waitlimit.Limiter
	checks        []observe.Check
	operations    *operations.Operations
	redisLog      *slog.Logger
}

func newParts(o Options, registry prometheus.Registerer) *parts {
	p := &parts{pipelined: queue.NewPipelined(o.Redis, pipelineDelay), uses: lastused.New(o.Store, o.Log)}
	p.tasks = queue.NewEnqueuer(p.pipelined)
	p.admission = admission.New(queue.NewLanes(o.Redis))
	p.redisLog = queue.NewOutage(o.Redis, o.Log, registry).Quiet(o.Log)
	p.enqueuer = enqueue.New(p.tasks, p.redisLog, registry)
	o.Store.OnOperational(p.enqueuer.Enqueue)
	written := metrics.New(registry)
	p.waiting = waitlimit.New(o.Store)
	p.publisher = publish.New(o.Store, waitlimit.Counted{Queue: p.enqueuer, Limiter: p.waiting}, written, publish.Options{
		Timeout: o.DatabaseTimeout, Admission: p.admission,
	})
	p.redeliverer = redeliver.New(o.Store, waitlimit.Counted{Queue: p.enqueuer, Limiter: p.waiting}, written, redeliver.Options{Timeout: o.DatabaseTimeout})
	p.sessions = sessions.New(o.Store, sessions.Options{PublicURL: o.PublicURL, NoLinks: o.Console.Mode != consoleAll, Timeout: o.DatabaseTimeout})
	p.authenticator = authn.New(o.Store, p.uses, authn.Options{Timeout: o.DatabaseTimeout})
	p.checks = newChecks(o, p.tasks)
	p.operations = operations.New(o.Store, queue.NewMinuteCounter(o.Redis), queue.NewSummaryReader(o.Redis), operations.Options{Checks: p.checks})
	return p
}

// close stops the parts after the last request, each before the parts that it uses.
func (p *parts) close() {
	p.admission.Close()
	p.publisher.Close()
	p.redeliverer.Close()
	p.enqueuer.Wait()
	p.pipelined.Drain()
	p.authenticator.Close()
	p.uses.Close()
	p.operations.Close()
}

func newHandler(o Options, p *parts, registry prometheus.Registerer) http.Handler {
	budget := memory.New(o.Memory)
	budget.Register(registry)
	invalidating := invalidate.Store{Store: o.Store, Publisher: p.publisher, Authenticator: p.authenticator}
	handler := httpapi.New(httpapi.Dependencies{
		Endpoints:     invalidating,
		Deliveries:    o.Store,
		Events:        o.Store,
		Lookup:        o.Store,
		Explainer:     explain.New(o.Store, queue.NewLanes(o.Redis), p.redisLog),
		Statistics:    statistics.New(o.Store),
		BulkJobs:      o.Store,
		APIKeys:       o.Store,
		Calls:         o.Store,
		Authenticator: p.authenticator,
		Registry:      endpoints.New(invalidating, destinations{o.Guard}),
		Holder:        endpoints.NewHolder(invalidating, queue.NewLanes(o.Redis), o.Log),
		Tester:        trial.New(o.Store, o.Store, p.enqueuer, trial.Options{}),
		Publisher:     p.publisher,
		Redeliverer:   p.redeliverer,
		Issuer:        apikeys.New(invalidating),
		Console:       o.Store,
		Sessions:      p.sessions,
		Organizations: o.Store,
		EventTypes:    o.Store,
		Tenants: organizations.New(invalidating, organizations.Options{
			ErasureDelay: o.ErasureDelay, Lanes: queue.NewLanes(o.Redis), Log: o.Log,
		}),
		Waiting:         p.waiting,
		Operations:      p.operations,
		Limits:          o.Limits,
		DatabaseTimeout: o.DatabaseTimeout,
		Replica:         o.Store.HasReplica(),
		Memory:          budget,
		CORSOrigins:     o.CORSOrigins,
		Pages:           newConsole(o, p, budget),
		ConsoleURL:      consoleURL(o),
		Redis:           o.Redis,
		Queues:          o.Queues,
		Log:             o.Log,
		Metrics:         registry,
	})
	if o.Tracing != nil {
		handler = traced(handler, o.Tracing)
	}
	return linger.New(o.Wrap(handler), linger.Options{Bytes: httpapi.LargestBody + linger.Beyond, Time: serverTimeouts.read})
}
