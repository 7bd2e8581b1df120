package docker_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/keyring"
)

// run runs the script with programs in front of those that it would find.
func run(t *testing.T, file, programs string) (string, error) {
	t.Helper()
	cmd := exec.Command("sh", "env.sh", file)
	cmd.Env = []string{"PATH=" + programs + ":" + os.Getenv("PATH")}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func fill(t *testing.T) (file string, values map[string]string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), ".env")
	said, err := run(t, file, "")
	require.NoError(t, err, said)
	assert.Contains(t, said, "has been made")
	values, err = dotenv.Read(file)
	require.NoError(t, err)
	return file, values
}

func TestEnvFillsTheSecretsAndNothingElse(t *testing.T) {
	file, values := fill(t)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	example, err := dotenv.Read("../../.env.example")
	require.NoError(t, err)
	changed := maps.Clone(values)
	maps.DeleteFunc(changed, func(name, value string) bool { return value == example[name] })
	for _, name := range []string{"POSTGRES_PASSWORD", "REDIS_PASSWORD", "OPERATOR_PASSWORD"} {
		assert.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9_-]{32}$`), changed[name], "%s becomes part of a URL", name)
		delete(changed, name)
	}
	_, err = keyring.Parse(changed["SECRETS_KEY"])
	require.NoError(t, err)
	delete(changed, "SECRETS_KEY")
	assert.Empty(t, changed)

	before, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, strings.Count(string(before), "\n"), strings.Count(string(after), "\n"), "the explanations stay")
}

func TestEnvSecretsAreNeverTheSame(t *testing.T) {
	seen := make(map[string]string)
	for range 3 {
		_, values := fill(t)
		for _, name := range []string{"POSTGRES_PASSWORD", "REDIS_PASSWORD", "OPERATOR_PASSWORD", "SECRETS_KEY"} {
			assert.Empty(t, seen[values[name]], "%s has the value of another", name)
			seen[values[name]] = name
		}
	}
}

func TestEnvLeavesWhatIsThere(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(file, []byte("MINE=1\n"), 0o640))
	said, err := run(t, file, "")
	require.NoError(t, err, said)
	assert.Contains(t, said, "exists and stays as it is")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "MINE=1\n", string(content))

	link := filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.Symlink("elsewhere", link))
	said, err = run(t, link, "")
	require.NoError(t, err, said)
	assert.NoFileExists(t, filepath.Join(filepath.Dir(link), "elsewhere"), "a link that leads nowhere is somebody's too")
}

func TestEnvWritesNothingWithoutRandomness(t *testing.T) {
	programs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(programs, "head"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	file := filepath.Join(t.TempDir(), ".env")
	said, err := run(t, file, programs)
	require.Error(t, err, said)
	assert.Contains(t, said, "could not read random bytes")
	assert.NoFileExists(t, file)
}
