package release_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const version = "v1.2.3-rc.1"

// script runs a script of this folder and returns what it prints.
func script(t *testing.T, environment []string, name string, args ...string) (stdout string, err error) {
	t.Helper()
	var printed, complained bytes.Buffer
	command := exec.CommandContext(t.Context(), "sh", append([]string{name}, args...)...)
	command.Env = append(os.Environ(), environment...)
	command.Stdout, command.Stderr = &printed, &complained
	if err = command.Run(); err != nil {
		t.Logf("%s: %v: %s", name, err, complained.String())
	}
	return printed.String(), err
}

func run(t *testing.T, directory, program string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = directory
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

// The SBOM is left out here, since its tool is downloaded.
func TestBinariesArchiveHoldsRunnableServices(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	platform := runtime.GOOS + "/" + runtime.GOARCH
	environment := []string{"VERSION=" + version, "PLATFORMS=" + platform, "SBOM=no"}
	_, err := script(t, environment, "binaries.sh", folder)
	require.NoError(t, err)

	run(t, folder, "sha256sum", "--check", "--strict", "SHA256SUMS")
	name := "redrive_1.2.3-rc.1_" + strings.ReplaceAll(platform, "/", "_")
	run(t, folder, "tar", "-xzf", name+".tar.gz")
	for _, service := range []string{"api-service", "dispatcher-service"} {
		program := filepath.Join(folder, name, service)
		assert.Equal(t, version, strings.TrimSpace(run(t, folder, program, "--version")))
		content, err := os.ReadFile(program)
		require.NoError(t, err)
		directory, err := os.Getwd()
		require.NoError(t, err)
		assert.False(t, bytes.Contains(content, []byte(filepath.Dir(filepath.Dir(directory)))), "%s names a folder of this machine", service)
	}
	assert.FileExists(t, filepath.Join(folder, name, "LICENSE"))

	_, err = script(t, environment, "binaries.sh", folder)
	require.Error(t, err, "a folder with files is left alone")
}

func TestNotesPrintTheVersionsSection(t *testing.T) {
	t.Parallel()
	changelog, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	released := regexp.MustCompile(`(?m)^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$`).FindAllSubmatch(changelog, -1)
	require.NotEmpty(t, released)
	for _, match := range released {
		notes, err := script(t, nil, "notes.sh", "v"+string(match[1]))
		require.NoError(t, err)
		assert.Contains(t, notes, "### ")
		assert.NotRegexp(t, `(?m)^## `, notes)
		assert.Contains(t, string(changelog), notes)
	}
	_, err = script(t, nil, "notes.sh", "v999.0.0")
	require.Error(t, err)
}
