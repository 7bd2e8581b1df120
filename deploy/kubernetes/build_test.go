package kubernetes_test

import (
	"slices"
	"sync"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	base       = "base"
	monitoring = "overlays/monitoring"
	small      = "overlays/small"
)

var builds = []string{base, monitoring, small}

// objects are what kubectl would send to a cluster.
type objects []runtime.Object

// build builds a kustomization and decodes it: an unknown or repeated field is an error.
func build(t *testing.T, path string) objects {
	t.Helper()
	return buildIn(t, filesys.MakeFsOnDisk(), path)
}

func buildIn(t *testing.T, files filesys.FileSystem, path string) objects {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, path)
	require.NoError(t, err)
	var all objects
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		require.NoError(t, err)
		object, err := decode(t, text)
		require.NoError(t, err, string(text))
		all = append(all, object)
	}
	return all
}

// decoder decodes one object strictly. It is made once for all tests.
var decoder = sync.OnceValues(func() (runtime.Decoder, error) {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, monitoringv1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		if err := add(types); err != nil {
			return nil, err
		}
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, types, types, json.SerializerOptions{Yaml: true, Strict: true}), nil
})

func decode(t *testing.T, text []byte) (runtime.Object, error) {
	t.Helper()
	strict, err := decoder()
	require.NoError(t, err)
	object, _, err := strict.Decode(text, nil, nil)
	return object, err
}

// list returns the objects of one type.
func list[T runtime.Object](all objects) (found []T) {
	for _, object := range all {
		if typed, is := object.(T); is {
			found = append(found, typed)
		}
	}
	return found
}

// named returns the object of one type with the name.
func named[T interface {
	runtime.Object
	metav1.Object
}](t *testing.T, all objects, name string) T {
	t.Helper()
	found := list[T](all)
	i := slices.IndexFunc(found, func(object T) bool { return object.GetName() == name })
	require.GreaterOrEqual(t, i, 0, "there is no %s", name)
	return found[i]
}

func TestBuildsHaveTheirObjects(t *testing.T) {
	common := []string{
		"ConfigMap", "ConfigMap", "Deployment", "Deployment", "Job", "Namespace", "NetworkPolicy", "NetworkPolicy", "NetworkPolicy",
		"NetworkPolicy", "PodDisruptionBudget", "PodDisruptionBudget", "Service",
	}
	autoscaled := append(slices.Clone(common), "HorizontalPodAutoscaler", "HorizontalPodAutoscaler")
	for path, want := range map[string][]string{
		base:       autoscaled,
		monitoring: append(slices.Clone(autoscaled), "NetworkPolicy", "PodMonitor", "PrometheusRule", "ServiceMonitor"),
		small:      append(slices.Clone(common), "Ingress"),
	} {
		var kinds []string
		for _, object := range build(t, path) {
			kinds = append(kinds, object.GetObjectKind().GroupVersionKind().Kind)
			meta := object.(metav1.Object)
			assert.Equal(t, "redrive", meta.GetLabels()["app.kubernetes.io/part-of"], meta.GetName())
			if _, is := object.(*corev1.Namespace); !is {
				assert.Equal(t, "redrive", meta.GetNamespace(), meta.GetName())
			}
		}
		assert.ElementsMatch(t, want, kinds, path)
	}
}

func TestDecodingIsStrict(t *testing.T) {
	for text, problem := range map[string]string{
		"apiVersion: v1\nkind: Service\nspec: {selectors: {}}\n":                  `unknown field "spec.selectors"`,
		"apiVersion: v1\nkind: Service\nspec: {type: A, type: B}\n":               `"type" already set`,
		"apiVersion: v2\nkind: Service\n":                                         "no kind",
		"apiVersion: apps/v1\nkind: Deployment\nspec: {template: {specs: {}}}\n":  `unknown field "spec.template.specs"`,
		"apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nspec: {x: {}}\n": `unknown field "spec.x"`,
	} {
		_, err := decode(t, []byte(text))
		assert.ErrorContains(t, err, problem)
	}
}
