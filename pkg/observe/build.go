package observe

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// BuildInfo registers a gauge that is always 1. Its labels are the service, its version and the Go version.
func BuildInfo(registry prometheus.Registerer, service, version string) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redrive_build_info", Help: "Always 1. The labels are the service, its version and its Go version.",
		ConstLabels: prometheus.Labels{"service": service, "version": version, "goversion": runtime.Version()},
	})
	gauge.Set(1)
	registry.MustRegister(gauge)
}
