package kubernetes_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// adapter is what prometheus-adapter reads of its values.
type adapter struct {
	Rules struct {
		External []struct {
			SeriesQuery string `json:"seriesQuery"`
			Resources   struct {
				Overrides map[string]struct {
					Resource string `json:"resource"`
				} `json:"overrides"`
			} `json:"resources"`
			Name struct {
				As string `json:"as"`
			} `json:"name"`
			MetricsQuery string `json:"metricsQuery"`
		} `json:"external"`
	} `json:"rules"`
}

// backlogMetric returns the metric by which the dispatchers are scaled.
func backlogMetric(t *testing.T, scaler *autoscalingv2.HorizontalPodAutoscaler) *autoscalingv2.ExternalMetricSource {
	t.Helper()
	for _, metric := range scaler.Spec.Metrics {
		if metric.Type == autoscalingv2.ExternalMetricSourceType {
			return metric.External
		}
	}
	require.FailNow(t, "the dispatchers do not scale on a metric of their own")
	return nil
}

func TestDispatchersScaleOnAMetricThatTheyExport(t *testing.T) {
	_, exposed := get(t, opsOf(t)["redrive-dispatcher"]+"/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(exposed))
	require.NoError(t, err)

	text, err := os.ReadFile("overlays/monitoring/adapter.yaml")
	require.NoError(t, err)
	var values adapter
	require.NoError(t, yaml.UnmarshalStrict(text, &values))
	require.Len(t, values.Rules.External, 1)
	rule := values.Rules.External[0]
	series, labels, _ := strings.Cut(rule.SeriesQuery, "{")
	assert.Equal(t, `job="redrive-dispatcher"}`, labels, "the label job of the PodMonitor")
	assert.Equal(t, "namespace", rule.Resources.Overrides["namespace"].Resource)
	query := strings.NewReplacer("<<.Series>>", series, "<<.LabelMatchers>>", `namespace="redrive",status="pending"`).Replace(rule.MetricsQuery)
	parsed, err := metricsql.Parse(query)
	require.NoError(t, err)
	aggregate, is := parsed.(*metricsql.AggrFuncExpr)
	require.True(t, is)
	assert.Equal(t, "max", aggregate.Name, "every dispatcher exports the same")

	for _, path := range []string{base, monitoring} {
		scaler := named[*autoscalingv2.HorizontalPodAutoscaler](t, build(t, path), "redrive-dispatcher")
		metric := backlogMetric(t, scaler)
		assert.Equal(t, rule.Name.As, metric.Metric.Name)
		family := families[series]
		require.NotNil(t, family, "no dispatcher exports %s", series)
		assert.Contains(t, family.GetHelp(), "The same for every dispatcher.")
		var exported []map[string]string
		for _, one := range family.GetMetric() {
			pairs := map[string]string{}
			for _, label := range one.GetLabel() {
				pairs[label.GetName()] = label.GetValue()
			}
			exported = append(exported, pairs)
		}
		assert.Contains(t, exported, metric.Metric.Selector.MatchLabels)

		// The largest number that the metric shows asks for all dispatchers, and no smaller one does.
		most := regexp.MustCompile(`first ([\d,]+) that are due and`).FindStringSubmatch(family.GetHelp())
		require.NotNil(t, most, family.GetHelp())
		largest, err := strconv.ParseInt(strings.ReplaceAll(most[1], ",", ""), 10, 64)
		require.NoError(t, err)
		assert.Equal(t, largest, int64(scaler.Spec.MaxReplicas)*metric.Target.AverageValue.Value())
	}
}

func TestAutoscalersOwnTheNumberOfPods(t *testing.T) {
	for _, path := range []string{base, monitoring} {
		all := build(t, path)
		for _, deployment := range list[*appsv1.Deployment](all) {
			assert.Nil(t, deployment.Spec.Replicas, "%s: applying the manifests again would undo the autoscaler", deployment.Name)
			scaler := named[*autoscalingv2.HorizontalPodAutoscaler](t, all, deployment.Name)
			assert.Equal(t, deployment.Name, scaler.Spec.ScaleTargetRef.Name)
			assert.Equal(t, "Deployment", scaler.Spec.ScaleTargetRef.Kind)
			assert.EqualValues(t, 2, *scaler.Spec.MinReplicas)
			last := scaler.Spec.Metrics[len(scaler.Spec.Metrics)-1]
			assert.Equal(t, corev1.ResourceCPU, last.Resource.Name, "%s scales without an adapter", deployment.Name)
		}
	}
	for _, deployment := range list[*appsv1.Deployment](build(t, small)) {
		assert.EqualValues(t, 2, *deployment.Spec.Replicas, deployment.Name)
	}
}

func TestOnePodAtATimeIsDisrupted(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		for _, deployment := range list[*appsv1.Deployment](all) {
			budget := named[*policyv1.PodDisruptionBudget](t, all, deployment.Name)
			assert.Equal(t, deployment.Spec.Selector, budget.Spec.Selector)
			assert.Equal(t, "1", budget.Spec.MaxUnavailable.String())
			assert.Equal(t, "0", deployment.Spec.Strategy.RollingUpdate.MaxUnavailable.String())
		}
	}
}

// TestTheGuideCountsTheConnections holds the figure in operations.md: what PostgreSQL needs at the largest number of pods.
func TestTheGuideCountsTheConnections(t *testing.T) {
	all, processes, each := build(t, base), 0, 0
	for _, deployment := range list[*appsv1.Deployment](all) {
		scaler := named[*autoscalingv2.HorizontalPodAutoscaler](t, all, deployment.Name)
		processes += int(scaler.Spec.MaxReplicas) + deployment.Spec.Strategy.RollingUpdate.MaxSurge.IntValue()
		connections, err := strconv.Atoi(environment(t, all, deployment.Name)["DATABASE_MAX_CONNECTIONS"])
		require.NoError(t, err)
		each = connections
	}
	guide, err := os.ReadFile("../../pkg/guides/operations.md")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(strings.Fields(string(guide)), " "),
		strconv.Itoa(processes)+" processes with "+strconv.Itoa(each)+" connections each, "+strconv.Itoa(processes*each)+" in all")
}
