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

// NewRegistry returns a registry with the metrics of the Go runtime and of the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Check checks one dependency of the service.
type Check struct {
	Name string
	// Required means that the service is unavailable while the check fails. While another check fails, the service is degraded.
	Required bool
	// Probe returns an error if the dependency cannot be used now.
	Probe func(context.Context) error
}

// probeTimeout bounds a readiness check when a dependency hangs.
const probeTimeout = 2 * time.Second

// Health serves the health checks of an orchestrator. It is safe for concurrent use.
type Health struct {
	checks   []Check
	draining atomic.Bool
}

// NewHealth returns a Health with the checks.
func NewHealth(checks ...Check) *Health { return &Health{checks: checks} }

// Drain makes the service permanently not ready, so that it gets no new requests while it stops.
func (h *Health) Drain() { h.draining.Store(true) }

// Handler serves three paths. /livez is always 200. /readyz is 503 while the service drains or a required check fails; while another check
// fails, it is 200 with the status "degraded". /metrics serves the registry.
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

// ready runs the checks. The report names the failed ones without their errors, since errors may contain host names.
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
	_ = json.NewEncoder(w).Encode(r) // the client has disconnected
}
