package app

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"redrive/api-service/internal/httpapi"
	"redrive/pkg/egress"
	"redrive/pkg/store"
)

// Queues configures the queue's web UI. See httpapi.QueuesOptions.
type Queues = httpapi.QueuesOptions

// Limits bound the requests of one caller. See httpapi.Limits.
type Limits = httpapi.Limits

// Options configure the API service.
type Options struct {
	// Store and Redis are closed by the caller, after Stop. Required.
	Store *store.Store
	Redis redis.UniversalClient
	// Guard decides which destinations an endpoint may have. Required.
	Guard *egress.Guard
	// Log defaults to slog.Default.
	Log *slog.Logger
	// Addr is the address of the API. Defaults to :8080.
	Addr string
	// OpsAddr is the address of health and metrics. Defaults to :9090.
	OpsAddr string
	// Profiles serves profiles of the process at OpsAddr, below profile.Path.
	Profiles bool
	// Queues configures the queue's web UI. The zero value disables it.
	Queues Queues
	// Limits bound the requests of one caller. The zero value sets no limit.
	Limits Limits
	// PublicURL is the URL of the service as browsers see it, such as https://hooks.example.com, possibly with a path and without a slash
	// at its end. Links to the console begin with it. Empty allows no links.
	PublicURL string
	// Console configures the browser console. The zero value disables it.
	Console Console
	// CORSOrigins are the origins, such as https://app.example.com, whose pages may call the API from a browser. Defaults to none.
	CORSOrigins []string
	// Wrap wraps the handlers of both addresses. Defaults to none.
	Wrap func(http.Handler) http.Handler
	// Version is the version that the metrics show. Defaults to dev.
	Version string
	// Tracing makes spans of requests. Defaults to none.
	Tracing trace.TracerProvider
	// DatabaseTimeout bounds one statement of the database. A batch of events may take three times as long. Defaults to 5 s.
	DatabaseTimeout time.Duration
	// Memory bounds the bytes of bodies and pages in progress. Defaults to memory.Default.
	Memory int64
	// ErasureDelay is how long a deleted organization can be restored. Defaults to 0.
	ErasureDelay time.Duration
	// DrainDelay is how long Stop serves requests, unready, before it closes the address. Defaults to 0.
	DrainDelay time.Duration
}

// Console configures the browser console. Package config describes the settings.
type Console struct {
	// Mode is off, operator or all. Empty is off.
	Mode string
	// Name is the name of the product, and Accent the colour of links and buttons as #rrggbb.
	Name, Accent string
	// ReturnURL is where a customer whose session has ended is led. Empty: nowhere.
	ReturnURL string
	// FrameAncestors are the origins whose pages may show the console in a frame.
	FrameAncestors []string
	// Open serves the console without signing in, as the operator, and Home is the organization that it begins with. Use it only on loopback.
	Open bool
	Home string
}

const (
	defaultAddr    = ":8080"
	defaultOpsAddr = ":9090"
)

// withDefaults returns the options with defaults for the fields that are not set, or an error if a required field is missing.
func (o Options) withDefaults() (Options, error) {
	if o.Store == nil || o.Redis == nil || o.Guard == nil {
		return o, errors.New("the API needs a store, a Redis client and an egress guard")
	}
	o.Version = cmp.Or(o.Version, "dev")
	o.Log = cmp.Or(o.Log, slog.Default())
	o.Addr = cmp.Or(o.Addr, defaultAddr)
	o.OpsAddr = cmp.Or(o.OpsAddr, defaultOpsAddr)
	if o.Wrap == nil {
		o.Wrap = func(handler http.Handler) http.Handler { return handler }
	}
	return o, nil
}
