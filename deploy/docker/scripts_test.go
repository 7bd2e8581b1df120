package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func script(t *testing.T, environ []string, name string, arguments ...string) (said string, err error) {
	t.Helper()
	cmd := exec.Command("sh", append([]string{name}, arguments...)...)
	cmd.Env = slices.Concat(environ, []string{"PATH=" + os.Getenv("PATH")})
	output, err := cmd.CombinedOutput()
	return string(output), err
}

func TestPrepareNamesExportedVariables(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, []byte("API_PORT=8080\n#LOG_LEVEL=debug\nREDIS_PASSWORD=same\n# A sentence with X=1.\n"), 0o600))

	said, err := script(t, nil, "prepare.sh", file)
	require.NoError(t, err, said)
	assert.Empty(t, said)

	said, err = script(t, []string{"API_PORT=8081", "LOG_LEVEL=warn", "REDIS_PASSWORD=same", "HOME=/"}, "prepare.sh", file)
	require.NoError(t, err, said)
	assert.Contains(t, said, "API_PORT=8081 is exported")
	assert.Contains(t, said, "LOG_LEVEL=warn is exported")
	assert.NotContains(t, said, "REDIS_PASSWORD")
	assert.NotContains(t, said, "HOME")

	said, err = script(t, []string{"REDIS_PASSWORD=canary"}, "prepare.sh", file)
	require.Error(t, err, "the running database has the other password")
	assert.Contains(t, said, "REDIS_PASSWORD is exported in this shell and differs")
	assert.NotContains(t, said, "canary")
}

func TestSecretsAreMovedOnceAndNeverWithoutAllOfThem(t *testing.T) {
	file, values := fill(t)
	folder := filepath.Join(t.TempDir(), "secrets")
	said, err := script(t, nil, "secrets.sh", file, folder)
	require.NoError(t, err, said)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, name := range []string{"POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRETS_KEY", "OPERATOR_PASSWORD"} {
		assert.NotContains(t, string(content), values[name], name)
	}
	said, err = script(t, nil, "secrets.sh", file, folder)
	require.NoError(t, err, said)
	assert.Contains(t, said, "exists and stays as it is")

	lacking := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(lacking, []byte("POSTGRES_PASSWORD=a\nREDIS_PASSWORD=\n"), 0o600))
	elsewhere := filepath.Join(t.TempDir(), "secrets")
	said, err = script(t, nil, "secrets.sh", lacking, elsewhere)
	require.Error(t, err)
	assert.Contains(t, said, "REDIS_PASSWORD")
	assert.NoDirExists(t, elsewhere)
}
