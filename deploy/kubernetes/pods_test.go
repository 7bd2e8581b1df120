package kubernetes_test

import (
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// composed has the name in docker-compose.yml of each workload.
var composed = map[string]string{"redrive-api": "api-service", "redrive-dispatcher": "dispatcher-service", "redrive-migrate": "migrate"}

// templates returns the pods of a build by the names of their workloads.
func templates(all objects) map[string]corev1.PodTemplateSpec {
	found := map[string]corev1.PodTemplateSpec{}
	for _, deployment := range list[*appsv1.Deployment](all) {
		found[deployment.Name] = deployment.Spec.Template
	}
	for _, job := range list[*batchv1.Job](all) {
		found[job.Name] = job.Spec.Template
	}
	return found
}

// compose reads docker-compose.yml.
func compose(t *testing.T) types.Services {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml")}},
		Environment: types.Mapping{
			"POSTGRES_PASSWORD": "postgres", "REDIS_PASSWORD": "redis", "SECRETS_KEY": "key", "OPERATOR_PASSWORD": "password", "VERSION": "v0.1.0",
		},
	})
	require.NoError(t, err)
	return project.Services
}

func TestPodsAreLockedDownAsInCompose(t *testing.T) {
	services := compose(t)
	for _, path := range builds {
		pods := templates(build(t, path))
		require.Len(t, pods, len(composed))
		for name, pod := range pods {
			service := services[composed[name]]
			require.Equal(t, "65532:65532", service.User)
			security := pod.Spec.SecurityContext
			require.NotNil(t, security, name)
			assert.True(t, *security.RunAsNonRoot, name)
			assert.EqualValues(t, 65532, *security.RunAsUser, name)
			assert.EqualValues(t, 65532, *security.RunAsGroup, name)
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, security.SeccompProfile.Type, name)
			assert.False(t, *pod.Spec.AutomountServiceAccountToken, "%s has no use for the cluster's API", name)
			assert.False(t, *pod.Spec.EnableServiceLinks, "%s gets no variables from services", name)
			assert.False(t, pod.Spec.HostNetwork || pod.Spec.HostPID || pod.Spec.HostIPC, name)

			require.Len(t, pod.Spec.Containers, 1, name)
			assert.Empty(t, pod.Spec.InitContainers, name)
			container := pod.Spec.Containers[0]
			require.NotNil(t, container.SecurityContext, name)
			assert.Equal(t, service.ReadOnly, *container.SecurityContext.ReadOnlyRootFilesystem, name)
			assert.False(t, *container.SecurityContext.AllowPrivilegeEscalation, name)
			assert.Nil(t, container.SecurityContext.Privileged, name)
			assert.Equal(t, &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}, container.SecurityContext.Capabilities, name)
			assert.EqualValues(t, service.MemLimit, container.Resources.Limits.Memory().Value(), "%s: the limit of compose", name)
			assert.Positive(t, container.Resources.Requests.Memory().Value(), name)
			assert.Positive(t, container.Resources.Requests.Cpu().MilliValue(), "%s: without it nothing scales on the processor", name)
			assert.Equal(t, []string(service.Command), nilIfEmpty(container.Args), name)
			assert.Empty(t, container.Command, "%s: the image has the program", name)
		}
	}
}

func nilIfEmpty(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return args
}

func TestPodsRunTheImagesOfCompose(t *testing.T) {
	services := compose(t)
	for _, path := range builds {
		for name, pod := range templates(build(t, path)) {
			built, _, _ := cut(services[composed[name]].Image)
			image, tag, tagged := cut(pod.Spec.Containers[0].Image)
			if path == base {
				assert.Equal(t, built, image, "%s: overlays name the registry", name)
				continue
			}
			assert.Equal(t, "registry.example.com/"+built, image, "%s of %s", name, path)
			require.True(t, tagged, "%s of %s has no version", name, path)
			assert.Regexp(t, `^\d+\.\d+\.\d+$`, tag, "as deploy/release/images.sh tags it")
		}
	}
}

// cut cuts an image at its tag.
func cut(image string) (name, tag string, tagged bool) {
	for i := len(image) - 1; i >= 0 && image[i] != '/'; i-- {
		if image[i] == ':' {
			return image[:i], image[i+1:], true
		}
	}
	return image, "", false
}

func TestSelectorsMatchTheirPods(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		for _, deployment := range list[*appsv1.Deployment](all) {
			assert.Subset(t, deployment.Spec.Template.Labels, deployment.Spec.Selector.MatchLabels)
			assert.Len(t, deployment.Spec.Selector.MatchLabels, 1, "a selector cannot be changed")
			for _, spread := range deployment.Spec.Template.Spec.TopologySpreadConstraints {
				assert.Equal(t, deployment.Spec.Selector, spread.LabelSelector)
			}
			assert.Equal(t, deployment.Name, deployment.Spec.Template.Labels["app.kubernetes.io/name"])
		}
		for _, service := range list[*corev1.Service](all) {
			assert.Subset(t, templates(all)[service.Name].Labels, service.Spec.Selector)
		}
	}
}
