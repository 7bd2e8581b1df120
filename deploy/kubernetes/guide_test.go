package kubernetes_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
)

// TestTheGuidesCommandsFitTheManifests runs the commands of the guide with a kubectl that writes down how it is called.
func TestTheGuidesCommandsFitTheManifests(t *testing.T) {
	guide, err := os.ReadFile("../../pkg/guides/operations.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(guide), "\n## Kubernetes\n")
	require.True(t, found)
	_, rest, found := strings.Cut(section, "```sh\n")
	require.True(t, found)
	script, _, _ := strings.Cut(rest, "```\n")

	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	stub := "#!/bin/sh\nprintf '%s\\n' \"$*\" >> " + calls + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kubectl"), []byte(stub), 0o700))
	command := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	command.Env = []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")}
	for name := range secrets {
		command.Env = append(command.Env, name+"=value-of-"+name)
	}
	said, err := command.CombinedOutput()
	require.NoError(t, err, string(said))
	text, err := os.ReadFile(calls)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, lines, 4)

	assert.Equal(t, "create namespace redrive", lines[0])
	assert.True(t, strings.HasPrefix(lines[1], "create --namespace redrive secret generic redrive "), lines[1])
	for name := range secrets {
		assert.Contains(t, lines[1], "--from-literal="+name+"=value-of-"+name)
	}
	path, is := strings.CutPrefix(lines[2], "apply -k deploy/kubernetes/")
	assert.True(t, is && path == small, lines[2])
	named[*appsv1.Deployment](t, build(t, path), "redrive-api")
	assert.True(t, strings.HasPrefix(lines[3], "exec --namespace redrive deploy/redrive-api -- /api-service keys create "), lines[3])
}
