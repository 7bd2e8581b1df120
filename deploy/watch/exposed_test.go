package watch_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
)

// exposed has the exposed metrics by name, with the values of their labels.
type exposed map[string]map[string]map[string]bool

// add adds a metric that has the labels.
func (e exposed) add(name string, labels map[string]string) {
	if e[name] == nil {
		e[name] = map[string]map[string]bool{}
	}
	for label, value := range labels {
		if e[name][label] == nil {
			e[name][label] = map[string]bool{}
		}
		e[name][label][value] = true
	}
}

// scrape adds the metrics that an ops port exposes to a job.
func (e exposed) scrape(t *testing.T, job, url string) {
	t.Helper()
	status, body, err := get(t.Context(), url+"/metrics")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	added := map[string]string{"job": job, "instance": url} // Prometheus adds these labels
	e.add("up", added)
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			labels := maps.Clone(added)
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if family.GetType() != dto.MetricType_HISTOGRAM {
				e.add(name, labels)
				continue
			}
			e.add(name+"_sum", labels)
			e.add(name+"_count", labels)
			for _, bucket := range metric.GetHistogram().GetBucket() {
				labels["le"] = model.FloatString(bucket.GetUpperBound()).String()
				e.add(name+"_bucket", labels)
			}
		}
	}
}

// all scrapes every service of a stack.
func (e exposed) all(t *testing.T, urls []string) {
	t.Helper()
	for _, r := range rulesOf(t, "alerts.yml") { // Prometheus exposes its alerts as a metric
		e.add("ALERTS", map[string]string{"alertname": r.Alert, "alertstate": "firing", "severity": r.Labels["severity"]})
	}
	for i, url := range urls {
		e.scrape(t, map[bool]string{true: "redrive-api", false: "redrive-dispatcher"}[i == 0], url)
	}
}

func (e exposed) names() []string { return slices.Sorted(maps.Keys(e)) }
