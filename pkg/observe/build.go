package observe

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
)

// BuildInfo registers what is running, as the labels of a gauge that is always 1.
func BuildInfo(registry prometheus.Registerer, service, version string) {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "redrive_build_info", Help: "1, with the service, its version and the version of Go that built it.",
		ConstLabels: prometheus.Labels{"service": service, "version": version, "goversion": runtime.Version()},
	})
	gauge.Set(1)
	registry.MustRegister(gauge)
}
