package watch_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack/process"
)

const stamped = "v1.2.3-watched"

// programs are the released binaries of the two services, with a version.
type programs struct{ api, dispatcher string }

var build = sync.OnceValues(func() (string, error) {
	return process.Build(
		process.Source{Output: "api-service", Module: "api-service", Package: "./cmd/api-service", Version: stamped, Race: process.RaceDetector},
		process.Source{Output: "dispatcher-service", Module: "dispatcher-service", Package: "./cmd/dispatcher-service", Version: stamped, Race: process.RaceDetector},
	)
})

func built(t *testing.T) programs {
	t.Helper()
	dir, err := build()
	require.NoError(t, err)
	return programs{filepath.Join(dir, "api-service"), filepath.Join(dir, "dispatcher-service")}
}

func (p programs) all() []string { return []string{p.api, p.dispatcher} }

// valid is a correct environment whose servers do not exist.
func valid(changes ...string) map[string]string {
	settings := map[string]string{
		"PATH": os.Getenv("PATH"), "TMPDIR": os.TempDir(), "GORACE": "atexit_sleep_ms=0",
		"DATABASE_URL": "postgres://u:canary@127.0.0.1:1/d", "REDIS_URL": "redis://:canary@127.0.0.1:1",
		"SECRETS_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "API_ADDR": "127.0.0.1:0", "OPS_ADDR": "127.0.0.1:0",
	}
	for _, change := range changes {
		name, value, _ := strings.Cut(change, "=")
		settings[name] = value
	}
	return settings
}

func run(t *testing.T, program string, settings map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var said, complained bytes.Buffer
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = process.Environ(settings)
	cmd.Stdout, cmd.Stderr = &said, &complained
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), said.String(), complained.String()
}

func TestProgramsPrintTheirVersion(t *testing.T) {
	t.Parallel()
	for _, program := range built(t).all() {
		name := filepath.Base(program)
		code, said, complained := run(t, program, nil, "--version")
		assert.Zero(t, code)
		assert.Equal(t, stamped+"\n", said, name)
		assert.Empty(t, complained)

		code, said, complained = run(t, program, nil, "--help")
		assert.Zero(t, code)
		assert.True(t, strings.HasPrefix(said, name+" "), said)
		assert.Contains(t, said, "healthcheck")
		assert.Contains(t, said, "--version")
		assert.Empty(t, complained)
	}
}

func TestWrongSettingsExitWithCodeTwo(t *testing.T) {
	t.Parallel()
	for _, program := range built(t).all() {
		for _, wrong := range []string{
			"DATABASE_URL=", "DATABASE_URL=canary://x:y:z", "REDIS_URL=http://:canary@h", "SECRETS_KEY=canary", "LOG_LEVEL=loud", "LOG_FORMAT=xml",
			"EGRESS_ALLOW=10.0.0.0/99", "DATABASE_MAX_CONNECTIONS=0", "OTEL_EXPORTER_OTLP_ENDPOINT=127.0.0.1:4318",
			"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://h",
		} {
			code, said, complained := run(t, program, valid(wrong))
			name, _, _ := strings.Cut(wrong, "=")
			assert.Equal(t, 2, code, wrong)
			assert.Empty(t, said, wrong)
			assert.Equal(t, 1, strings.Count(complained, "\n"), complained)
			assert.True(t, strings.HasPrefix(complained, filepath.Base(program)+": "), complained)
			assert.Contains(t, complained, name)
			assert.NotContains(t, complained, "canary")
		}
		code, _, complained := run(t, program, nil)
		assert.Equal(t, 2, code)
		for _, name := range []string{"DATABASE_URL", "REDIS_URL", "SECRETS_KEY"} {
			assert.Contains(t, complained, name+" is required", "all at once")
		}
		code, _, complained = run(t, program, valid(), "frobnicate")
		assert.Equal(t, 2, code)
		assert.Contains(t, complained, "frobnicate")
		code, _, complained = run(t, program, valid(), "--frobnicate")
		assert.Equal(t, 2, code)
		assert.Contains(t, complained, "frobnicate")
	}
}
