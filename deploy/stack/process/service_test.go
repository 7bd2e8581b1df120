package process

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testlog"
)

// polite logs its address, and ends at SIGTERM.
const polite = `
trap 'echo "{\"msg\":\"bye\"}"; exit 0' TERM
echo "{\"msg\":\"API started\",\"addr\":\"$API_ADDR\",\"ops\":\"127.0.0.1:2\"}"
while :; do sleep 0.01; done`

func newShell(t *testing.T, script string, log *testlog.Buffer) *Service {
	t.Helper()
	options := Options{
		Name: "shell", Program: "/bin/sh", Args: []string{"-c", script}, StopLimit: time.Minute,
		Settings: map[string]string{"PATH": "/usr/bin:/bin", "API_ADDR": "127.0.0.1:1"},
	}
	if log != nil {
		options.Log = log
	}
	s := New(options)
	t.Cleanup(func() {
		if s.Running() {
			assert.NoError(t, s.Kill())
		}
	})
	return s
}

func TestServiceStartsAndStops(t *testing.T) {
	t.Parallel()
	var log testlog.Buffer
	s := newShell(t, polite, &log)
	assert.False(t, s.Started())
	assert.False(t, s.Running())
	require.NoError(t, s.Start(nil))
	assert.True(t, s.Running())
	assert.Equal(t, "http://127.0.0.1:1", s.URL())
	assert.Equal(t, "http://127.0.0.1:2", s.OpsURL())
	require.Error(t, s.Start(nil), "once is enough")
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "again")
	assert.False(t, s.Running())
	assert.Contains(t, log.String(), "bye")
}

func TestServiceKeepsItsAddresses(t *testing.T) {
	t.Parallel()
	s := newShell(t, polite, nil)
	require.NoError(t, s.Start(nil))
	require.NoError(t, s.Kill())
	require.NoError(t, s.Start(map[string]string{"API_ADDR": "127.0.0.1:9"}))
	assert.Equal(t, "http://127.0.0.1:1", s.URL())
}

func TestServiceFrozenIsNotStopped(t *testing.T) {
	t.Parallel()
	s := newShell(t, polite, nil)
	require.NoError(t, s.Start(nil))
	require.NoError(t, s.Freeze())
	require.NoError(t, s.Terminate())
	assert.False(t, s.current().wait(50*time.Millisecond), "it ignores the signal")
	assert.True(t, s.Running())
	require.NoError(t, s.Thaw())
	code, err := s.Wait()
	require.NoError(t, err)
	assert.Zero(t, code)
}

func TestServiceCrashIsAnError(t *testing.T) {
	t.Parallel()
	s := newShell(t, `trap 'exit 3' TERM; echo '{"msg":"API started"}'; while :; do sleep 0.01; done`, nil)
	require.NoError(t, s.Start(nil))
	require.ErrorContains(t, s.Stop(), "exit code 3")

	early := newShell(t, `echo oops; exit 1`, nil)
	require.ErrorContains(t, early.Start(nil), "oops")

	deaf := newShell(t, `trap '' TERM; echo '{"msg":"API started"}'; while :; do sleep 0.01; done`, nil)
	deaf.options.StopLimit = 50 * time.Millisecond
	require.NoError(t, deaf.Start(nil))
	require.ErrorContains(t, deaf.Stop(), "was killed")
	assert.False(t, deaf.Running())
}
