package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(dir string) local.Options {
	return local.Options{Dir: dir, Log: slog.New(slog.DiscardHandler), DeliveryTimeout: time.Minute}
}

// start runs an instance until the test ends, or until it is stopped.
func start(t *testing.T, o local.Options) *local.Local {
	t.Helper()
	l, err := local.New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Stop(context.Background())) })
	require.NoError(t, l.Start(t.Context()))
	return l
}

func seed(t *testing.T, l *local.Local) string {
	t.Helper()
	id, err := l.Seed(t.Context())
	require.NoError(t, err)
	return id
}

func TestFirstStartLeavesOneFailedDelivery(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "somebody's new folder")
	first := start(t, options(dir))
	failed := seed(t, first)
	assert.Regexp(t, `^dlv_`, failed)
	assert.Equal(t, failed, seed(t, first), "once")
	require.NoError(t, first.Announce())

	var addresses local.Addresses
	content, err := os.ReadFile(filepath.Join(dir, "addresses.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(content, &addresses))
	assert.Equal(t, first.Addresses(), addresses)
	assertPrivate(t, filepath.Join(dir, "api-key"))
	assertPrivate(t, filepath.Join(dir, "secrets-key"))
	assertPrivate(t, filepath.Join(dir, "redrive.db"))
	assertPrivate(t, filepath.Join(dir, "redrive.db-wal"))

	var text bytes.Buffer
	require.NoError(t, first.Welcome(t.Context(), &text))
	key, err := os.ReadFile(filepath.Join(dir, "api-key"))
	require.NoError(t, err)
	assert.Contains(t, text.String(), string(bytes.TrimSpace(key)))
	assert.Contains(t, text.String(), addresses.API+"/v1/execution-webhooks/deliveries/"+failed+"/retry")
	assert.Contains(t, text.String(), addresses.Breakers)
	var again bytes.Buffer
	require.NoError(t, local.Info(t.Context(), dir, &again))
	assert.Equal(t, text.String(), again.String())

	require.NoError(t, first.Stop(t.Context()))
	assert.NoFileExists(t, filepath.Join(dir, "addresses.json"))
	require.ErrorIs(t, local.Info(t.Context(), dir, &again), local.ErrNotRunning)

	same := options(dir)
	same.ReceiverAddr = strings.TrimPrefix(addresses.Receiver, "http://")
	second := start(t, same)
	assert.Equal(t, failed, seed(t, second), "the folder remembers, its key included")
	require.NoError(t, second.Stop(t.Context()))

	third := start(t, options(dir)) // the receiver has another address now
	fresh := seed(t, third)
	assert.NotEqual(t, failed, fresh, "a delivery that can arrive")
	assert.Equal(t, fresh, seed(t, third))
	text.Reset()
	require.NoError(t, third.Welcome(t.Context(), &text))
	assert.Contains(t, text.String(), fresh)
	paste(t, text.String())
	eventuallyArrives(t, third)

	text.Reset()
	require.NoError(t, third.Welcome(t.Context(), &text))
	assert.Contains(t, text.String(), "No delivery is in failure now.", "the other one's endpoint is disabled")
	assert.Contains(t, text.String(), addresses.Receiver[:len("http://127.0.0.1:")])
}

// paste runs the printed commands in a shell.
func paste(t *testing.T, printed string) {
	t.Helper()
	var commands []string
	for line := range strings.Lines(printed) {
		if command, ok := strings.CutPrefix(line, "  "); ok && (strings.HasPrefix(command, "KEY=") || strings.HasPrefix(command, "curl ")) {
			commands = append(commands, command)
		}
	}
	require.Len(t, commands, 4, printed)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl to paste the commands for")
	}
	said, err := exec.CommandContext(t.Context(), "sh", "-ec", strings.ReplaceAll(strings.Join(commands, ""), "curl ", "curl -sf ")).CombinedOutput()
	require.NoError(t, err, "%s", said)
	assert.Contains(t, string(said), `"status":"pending"`, "the answer to the retry")
}

func eventuallyArrives(t *testing.T, l *local.Local) {
	t.Helper()
	require.Eventually(t, func() bool {
		response, err := http.Get(l.Addresses().Receiver + "/")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		var page struct {
			Received []struct {
				Answered  int
				Signature string
			}
		}
		return json.NewDecoder(response.Body).Decode(&page) == nil && len(page.Received) > 0 &&
			page.Received[0].Answered == 200 && page.Received[0].Signature == "verified"
	}, time.Minute, 20*time.Millisecond)
	http.DefaultClient.CloseIdleConnections()
}

func assertPrivate(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), path)
}

func TestStartFailureIsOneLine(t *testing.T) {
	dir := t.TempDir()
	running := start(t, options(dir))
	_, err := local.New(t.Context(), options(dir))
	require.ErrorContains(t, err, "another instance is using the folder")

	taken := options(t.TempDir())
	taken.APIAddr = strings.TrimPrefix(running.Addresses().API, "http://")
	_, err = local.New(t.Context(), taken)
	require.ErrorContains(t, err, "address already in use")
	require.ErrorContains(t, err, "set API_ADDR to another address")
	taken.APIAddr, taken.OpsAddr = "", strings.TrimPrefix(running.Addresses().Ops, "http://")
	_, err = local.New(t.Context(), taken)
	require.ErrorContains(t, err, "set OPS_ADDR to another address")
	taken.OpsAddr, taken.ReceiverAddr = "", strings.TrimPrefix(running.Addresses().Receiver, "http://")
	_, err = local.New(t.Context(), taken)
	require.ErrorContains(t, err, "set RECEIVER_ADDR to another address")
	taken.ReceiverAddr = ""
	again, err := local.New(t.Context(), taken)
	require.NoError(t, err, "what failed let go of its folder")
	require.NoError(t, again.Stop(t.Context()), "a stop before the start")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = local.New(t.Context(), options(file))
	require.ErrorContains(t, err, "make the folder")
	assert.NotContains(t, err.Error(), "\n")
}

func TestQueueUIIsOpenOnLoopbackOnly(t *testing.T) {
	l := start(t, options(t.TempDir()))
	for _, url := range []string{l.Addresses().API + "/queues", l.Addresses().Ops + "/readyz", l.Addresses().Receiver + "/"} {
		response, err := http.Get(url)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, 200, response.StatusCode, url)
		host, _, err := net.SplitHostPort(response.Request.URL.Host)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", host)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestDemoRunsAllStepsAndLeavesNothing(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	var told bytes.Buffer
	require.NoError(t, local.Demo(t.Context(), &told))
	assert.Regexp(t, `(?s)published.*attempt 1 .*500.*retrying.*attempt 2 .*500.*attempt 3 .*500.*failure.*healed.*retry.*pending.*attempt 4 .*200.*success`, told.String())
	latest := 0.0
	for line := range strings.Lines(told.String()) {
		at, err := strconv.ParseFloat(strings.Fields(line)[0], 64)
		require.NoError(t, err, line)
		assert.GreaterOrEqual(t, at, latest, told.String())
		latest = at
	}
	left, err := os.ReadDir(scratch)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A stop that times out closes nothing that running services use, and can be repeated. asynq panics if its Redis client is closed.
func TestStopAfterATimeoutCanBeRepeated(t *testing.T) {
	dir := t.TempDir()
	l := start(t, options(dir))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, l.Stop(over), context.Canceled)
	_, err := local.New(t.Context(), options(dir))
	require.ErrorContains(t, err, "another instance", "the folder is still in use")

	require.NoError(t, l.Stop(t.Context()))
	again := start(t, options(dir))
	require.NoError(t, again.Stop(t.Context()))
	require.NoError(t, again.Stop(t.Context()))
}
