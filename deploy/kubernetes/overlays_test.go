package kubernetes_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"redrive/deploy/grafana"
	"redrive/deploy/kubernetes"
)

func TestAlertsAreThoseOfTheRepository(t *testing.T) {
	made, err := kubernetes.Rules()
	require.NoError(t, err)
	stored, err := os.ReadFile("overlays/monitoring/rules.yaml")
	require.NoError(t, err)
	assert.Equal(t, string(made), string(stored), "run: go run ./deploy/kubernetes/cmd/rules")

	var want []monitoringv1.RuleGroup
	for _, text := range []string{grafana.Recording, grafana.Alerts} {
		var file monitoringv1.PrometheusRuleSpec
		require.NoError(t, yaml.UnmarshalStrict([]byte(text), &file))
		want = append(want, file.Groups...)
	}
	rules := named[*monitoringv1.PrometheusRule](t, build(t, monitoring), "redrive")
	assert.Equal(t, want, rules.Spec.Groups)
}

// The alerts select targets by the label job, which the operator takes from the label that jobLabel names.
func TestMonitorsFindThePodsUnderTheJobsOfTheAlerts(t *testing.T) {
	var scrapes struct {
		Configs []struct {
			Job string `json:"job_name"`
		} `json:"scrape_configs"`
	}
	text, err := os.ReadFile("../grafana/prometheus/prometheus.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &scrapes))
	var want []string
	for _, scrape := range scrapes.Configs {
		want = append(want, scrape.Job)
	}

	all := build(t, monitoring)
	ofService := named[*monitoringv1.ServiceMonitor](t, all, "redrive-api")
	service := named[*corev1.Service](t, all, "redrive-api")
	assert.Subset(t, service.Labels, ofService.Spec.Selector.MatchLabels)
	require.Len(t, ofService.Spec.Endpoints, 1)
	var ports []string
	for _, port := range service.Spec.Ports {
		ports = append(ports, port.Name)
	}
	assert.Contains(t, ports, ofService.Spec.Endpoints[0].Port)

	ofPods := named[*monitoringv1.PodMonitor](t, all, "redrive-dispatcher")
	pods := templates(all)["redrive-dispatcher"]
	assert.Subset(t, pods.Labels, ofPods.Spec.Selector.MatchLabels)
	require.Len(t, ofPods.Spec.PodMetricsEndpoints, 1)
	assert.Contains(t, portsOf(pods), *ofPods.Spec.PodMetricsEndpoints[0].Port)

	assert.Equal(t, want, []string{service.Labels[ofService.Spec.JobLabel], pods.Labels[ofPods.Spec.JobLabel]})
	for name, path := range map[string]string{
		"redrive-api": ofService.Spec.Endpoints[0].Path, "redrive-dispatcher": ofPods.Spec.PodMetricsEndpoints[0].Path,
	} {
		assert.Equal(t, "/metrics", path, name)
	}
}

func TestTheIngressServesTheAPIWithTLS(t *testing.T) {
	all := build(t, small)
	ingress := named[*networkingv1.Ingress](t, all, "redrive-api")
	require.Len(t, ingress.Spec.Rules, 1)
	rule := ingress.Spec.Rules[0]
	require.Len(t, ingress.Spec.TLS, 1)
	assert.Equal(t, []string{rule.Host}, ingress.Spec.TLS[0].Hosts)
	assert.NotEmpty(t, ingress.Spec.TLS[0].SecretName)
	require.Len(t, rule.HTTP.Paths, 1)
	backend := rule.HTTP.Paths[0].Backend.Service
	assert.Equal(t, "redrive-api", backend.Name)
	assert.Equal(t, "http", backend.Port.Name, "the ops port has no password")
	values := environment(t, all, "redrive-api")
	assert.Equal(t, "https://"+rule.Host, values["PUBLIC_URL"], "links to the console begin with it")
	assert.NotEmpty(t, values["TRUSTED_PROXIES"], "all clients would count as one address")

	code, err := os.ReadFile("../../api-service/internal/httpapi/events_batch.go")
	require.NoError(t, err)
	assert.Contains(t, string(code), "maxBatchBody   = 5 << 20")
	assert.Equal(t, "5m", ingress.Annotations["nginx.ingress.kubernetes.io/proxy-body-size"])
}

// The comment in the small overlay says how to have both.
func TestTheSmallOverlayBuildsOnTheOther(t *testing.T) {
	files := filesys.MakeFsInMemory()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return files.WriteFile(filepath.Join("/", path), text)
	})
	require.NoError(t, err)
	const own = "/" + small + "/kustomization.yaml"
	var content map[string]any
	text, err := files.ReadFile(own)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &content))
	assert.Contains(t, content["resources"], "../../base")
	content["resources"] = []string{"../monitoring", "ingress.yaml"}
	text, err = yaml.Marshal(content)
	require.NoError(t, err)
	require.NoError(t, files.WriteFile(own, text))

	all := buildIn(t, files, "/"+small)
	assert.Len(t, list[*monitoringv1.PrometheusRule](all), 1)
	assert.Len(t, list[*networkingv1.Ingress](all), 1)
}
