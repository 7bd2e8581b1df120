package main

import (
	"context"
	"encoding/base64"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/keyring"
	"redrive/pkg/queue/queuetest"
	"redrive/pkg/store/postgres"
	"redrive/pkg/testlog"
	"redrive/pkg/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(testservers.Suite(m), queuetest.IgnoreDials()) }

const soon = time.Minute

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"help":            {[]string{"--help"}, 0, "environment variables", ""},
		"short help":      {[]string{"-h"}, 0, "environment variables", ""},
		"version":         {[]string{"--version"}, 0, version + "\n", ""},
		"unknown command": {[]string{"serve"}, exitInvalid, "", `there is no command "serve"`},
		"unknown flag":    {[]string{"--verbose"}, exitInvalid, "", "-verbose"},
	} {
		var stdout, stderr testlog.Buffer
		assert.Equal(t, c.code, run(t.Context(), c.args, nil, &stdout, &stderr), name)
		for got, want := range map[*testlog.Buffer]string{&stdout: c.stdout, &stderr: c.stderr} {
			if want == "" {
				assert.Empty(t, got.String(), name)
			} else {
				assert.Contains(t, got.String(), want, name)
			}
		}
	}
}

func TestMissingSettings(t *testing.T) {
	t.Parallel()
	var stdout, stderr testlog.Buffer
	assert.Equal(t, exitInvalid, run(t.Context(), nil, nil, &stdout, &stderr))
	for _, name := range []string{"DATABASE_URL", "REDIS_URL", "SECRETS_KEY"} {
		assert.Contains(t, stderr.String(), name)
	}
	assert.Empty(t, stdout.String())
}

// settings are valid, but the servers do not exist. The overrides replace settings.
func settings(overrides ...string) []string {
	return append([]string{
		"DATABASE_URL=postgres://u:s3cret@127.0.0.1:1/d",
		"REDIS_URL=redis://:s3cret@127.0.0.1:1",
		"SECRETS_KEY=" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")),
		"OPS_ADDR=127.0.0.1:0",
	}, overrides...)
}

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]string{
		"DATABASE_URL":           "postgres://u:s3cret@h:port/d",
		"REDIS_URL":              "rediz://:s3cret@127.0.0.1:1",
		"SECRETS_KEY":            "s3cret",
		"DISPATCHER_CONCURRENCY": "0",
		"DELIVERY_TIMEOUT":       "soon",
		"RETRY_SCHEDULE":         "5s,-1s",
		"EGRESS_ALLOW":           "10.0.0.0/99",
		"LOG_FORMAT":             "xml",
	} {
		var stdout, stderr testlog.Buffer
		assert.Equal(t, exitInvalid, run(t.Context(), nil, settings(name+"="+wrong), &stdout, &stderr), name)
		assert.Contains(t, stderr.String(), name)
		assert.NotContains(t, stderr.String(), "s3cret", name)
		assert.Empty(t, stdout.String(), name)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	var stdout, stderr testlog.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), nil, settings("OPS_ADDR="+taken.Addr().String()), &stdout, &stderr))
	assert.Contains(t, stderr.String(), taken.Addr().String())
	assert.NotContains(t, stderr.String(), "s3cret")
}

func TestHealthcheckWithoutServerFails(t *testing.T) {
	t.Parallel()
	var stdout, stderr testlog.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), []string{commandHealthcheck}, settings("OPS_ADDR=127.0.0.1:1"), &stdout, &stderr))
	assert.NotContains(t, stderr.String(), "s3cret")
}

// The servers are unavailable. The service starts, reports this without a password, and ends cleanly at a signal.
func TestServesWithoutServers(t *testing.T) {
	t.Parallel()
	var stderr testlog.Buffer
	assert.Equal(t, 0, runUntil(t, settings(), &stderr, "dispatcher started"))
	assert.Contains(t, stderr.String(), "starting without the database")
	assert.NotContains(t, stderr.String(), "s3cret")
}

func TestServes(t *testing.T) {
	t.Parallel()
	url := testservers.Postgres(t)
	key, err := keyring.Generate()
	require.NoError(t, err)
	environ := settings("DATABASE_URL="+url, "REDIS_URL="+testservers.Redis(t), "SECRETS_KEY="+key)
	var stdout, stderr testlog.Buffer
	assert.Equal(t, exitFailed, run(t.Context(), nil, environ, &stdout, &stderr), "the schema is not there")
	assert.Contains(t, stderr.String(), "api-service migrate")

	sealer, err := keyring.Parse(key)
	require.NoError(t, err)
	opened, err := postgres.Open(postgres.Options{URL: url}, sealer)
	require.NoError(t, err)
	_, err = opened.Migrate(t.Context())
	require.NoError(t, err)
	require.NoError(t, opened.Close())
	var log testlog.Buffer
	assert.Equal(t, 0, runUntil(t, environ, &log, "dispatcher started"))
	assert.NotContains(t, log.String(), key)
	assert.NotContains(t, log.String(), `"level":"ERROR"`)
}

// runUntil runs the service until it has logged the text, then sends it a signal, and returns its exit code.
func runUntil(t *testing.T, environ []string, stderr *testlog.Buffer, text string) int {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := make(chan int, 1)
	var stdout testlog.Buffer
	go func() { code <- run(ctx, nil, environ, &stdout, stderr) }()
	require.Eventually(t, func() bool { return strings.Contains(stderr.String(), text) }, soon, 5*time.Millisecond)
	cancel()
	select {
	case c := <-code:
		assert.Empty(t, stdout.String())
		return c
	case <-time.After(soon):
		require.FailNow(t, "it does not end")
		return -1
	}
}
