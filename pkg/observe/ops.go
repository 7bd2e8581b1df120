package observe

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry makes a registry of one process, with Go's own metrics in it.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Check says whether something that the service depends on can be used now.
type Check struct {
	Name string
	// Required: the service can do nothing without it. Without the others it is degraded.
	Required bool
	Probe    func(context.Context) error
}

// probeTimeout keeps a hanging dependency from making the health checks hang.
const probeTimeout = 2 * time.Second

// Health answers the health checks of an orchestrator.
type Health struct {
	checks   []Check
	draining atomic.Bool
}

// NewHealth makes a Health of checks.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Drain makes the service unready for good, so that no new work is sent to it while it stops.
func (h *Health) Drain() { h.draining.Store(true) }

// Handler serves /livez, which depends on nothing; /readyz, which is 503 while draining or while something required is
// away and says degraded when something else is; and /metrics.
func (h *Health) Handler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, report{Status: "ok"}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, report := h.ready(r.Context())
		answer(w, status, report)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}

type report struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// ready tells which check failed, and not why: the cause may name hosts and belongs into the log.
func (h *Health) ready(ctx context.Context) (int, report) {
	if h.draining.Load() {
		return http.StatusServiceUnavailable, report{Status: "draining"}
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()

	status, result := http.StatusOK, report{Status: "ok", Checks: map[string]string{}}
	for _, check := range h.checks {
		switch err := check.Probe(ctx); {
		case err == nil:
			result.Checks[check.Name] = "ok"
			continue
		case check.Required:
			status, result.Status = http.StatusServiceUnavailable, "unavailable"
		case status == http.StatusOK:
			result.Status = "degraded"
		}
		result.Checks[check.Name] = "failed"
	}
	return status, result
}

func answer(w http.ResponseWriter, status int, r report) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(r) // the orchestrator has gone
}
