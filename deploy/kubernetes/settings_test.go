package kubernetes_test

import (
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"redrive/pkg/config"
)

// read has the variables that each workload's program reads.
var read = map[string][]config.Variable{
	"redrive-api":        config.Variables(config.API{}),
	"redrive-dispatcher": config.Variables(config.Dispatcher{}),
	"redrive-migrate":    config.Variables(config.Database{}),
}

// secrets are what the Secret of an installation holds.
var secrets = map[string]string{
	"DATABASE_URL":      "postgres://redrive:password@postgres.redrive-data:5432/redrive",
	"REDIS_URL":         "redis://default:password@redis.redrive-data:6379/0",
	"SECRETS_KEY":       base64.StdEncoding.EncodeToString([]byte("thirty-two bytes of a sample key")),
	"OPERATOR_PASSWORD": "twelve characters",
}

// environment returns the variables of a workload's container, as its process gets them.
func environment(t *testing.T, all objects, name string) map[string]string {
	t.Helper()
	container := templates(all)[name].Spec.Containers[0]
	values := map[string]string{}
	for _, from := range container.EnvFrom {
		require.NotNil(t, from.ConfigMapRef, "%s: a Secret as variables is readable in /proc", name)
		maps.Copy(values, named[*corev1.ConfigMap](t, all, from.ConfigMapRef.Name).Data)
	}
	for _, variable := range container.Env {
		require.Nil(t, variable.ValueFrom, variable.Name)
		values[variable.Name] = variable.Value
	}
	return values
}

// mounted has the files that a workload's container sees, with the keys of the Secret that they hold.
func mounted(t *testing.T, pod corev1.PodTemplateSpec) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, volume := range pod.Spec.Volumes {
		require.NotNil(t, volume.Secret, "%s: a pod has no volume but its secrets", volume.Name)
		assert.Equal(t, "redrive", volume.Secret.SecretName)
		assert.EqualValues(t, 0o440, *volume.Secret.DefaultMode, "for the group fsGroup alone")
		mounts := pod.Spec.Containers[0].VolumeMounts
		require.Len(t, mounts, 1)
		assert.Equal(t, volume.Name, mounts[0].Name)
		assert.True(t, mounts[0].ReadOnly)
		for _, item := range volume.Secret.Items {
			files[filepath.Join(mounts[0].MountPath, item.Path)] = item.Key
		}
	}
	return files
}

// inProcess replaces the files in an environment by a folder of this machine.
func inProcess(t *testing.T, environment map[string]string, files map[string]string) map[string]string {
	t.Helper()
	values, dir := maps.Clone(environment), t.TempDir()
	for name, value := range environment {
		if key, is := files[value]; is {
			values[name] = filepath.Join(dir, key)
			require.NoError(t, os.WriteFile(values[name], []byte(secrets[key]), 0o600))
		}
	}
	return values
}

func TestProgramsTakeTheirSettings(t *testing.T) {
	load := map[string]func(map[string]string) error{
		"redrive-api":        func(values map[string]string) error { _, err := config.LoadAPI(values); return err },
		"redrive-dispatcher": func(values map[string]string) error { _, err := config.LoadDispatcher(values); return err },
		"redrive-migrate":    func(values map[string]string) error { _, err := config.LoadDatabase(values); return err },
	}
	for _, path := range builds {
		all := build(t, path)
		for name, pod := range templates(all) {
			values, files := environment(t, all, name), mounted(t, pod)
			assert.NoError(t, load[name](inProcess(t, values, files)), "%s of %s", name, path)
			for _, file := range slices.Collect(maps.Keys(files)) {
				without := maps.Clone(files)
				delete(without, file)
				if files[file] != "OPERATOR_PASSWORD" {
					assert.Error(t, load[name](inProcess(t, values, without)), "%s starts without %s", name, file)
				}
			}
		}
	}
}

// A name that no program reads is a typing error, and the setting that was meant keeps its default.
func TestNoSettingIsMisspelt(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		for name := range templates(all) {
			for variable := range environment(t, all, name) {
				assert.True(t, slices.ContainsFunc(read[name], func(v config.Variable) bool {
					return v.Name == variable || v.Secret && v.Name+"_FILE" == variable
				}), "%s of %s", variable, name)
			}
		}
	}
}

func TestSecretsAreReferencesAndOnlyThoseOfTheProgram(t *testing.T) {
	for _, path := range builds {
		all := build(t, path)
		assert.Empty(t, list[*corev1.Secret](all), "an installation makes its Secret itself")
		for name, pod := range templates(all) {
			values, files := environment(t, all, name), mounted(t, pod)
			used := map[string]bool{}
			for _, v := range read[name] {
				if !v.Secret {
					continue
				}
				assert.NotContains(t, values, v.Name, "%s: its value would be in the manifest", name)
				if file, given := values[v.Name+"_FILE"]; given {
					assert.Equal(t, v.Name, files[file], "%s of %s", v.Name, name)
					used[file] = true
				}
				assert.True(t, !v.Required || values[v.Name+"_FILE"] != "", "%s has no %s", name, v.Name)
			}
			assert.Len(t, used, len(files), "%s gets a secret that its program does not read", name)
		}
		for _, settings := range list[*corev1.ConfigMap](all) {
			for name, value := range settings.Data {
				assert.NotContains(t, value, "@", "%s of %s looks like a URL with a password", name, settings.Name)
				assert.False(t, strings.Contains(name, "PASSWORD") || strings.Contains(name, "KEY"), name)
			}
		}
	}
	assert.NotEmpty(t, environment(t, build(t, base), "redrive-api")["OPERATOR_PASSWORD_FILE"], "without it the queue's web UI is not there")
}

func TestTheKustomizationSaysHowToMakeTheSecret(t *testing.T) {
	text, err := os.ReadFile("base/kustomization.yaml")
	require.NoError(t, err)
	for name := range secrets {
		assert.Contains(t, string(text), "--from-literal="+name+"=…")
	}
}
