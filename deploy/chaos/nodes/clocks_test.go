package nodes

import (
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/audit"
)

func TestClockOfPackageTimeIsMoved(t *testing.T) {
	sources, err := movableClock(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.Len(t, sources, 2)
	moved, err := os.ReadFile(filepath.Join(filepath.Dir(sources[0].Overlay), "time.go"))
	require.NoError(t, err)
	_, err = parser.ParseFile(token.NewFileSet(), "time.go", moved, parser.AllErrors)
	require.NoError(t, err)

	_, err = moveClock("package time")
	require.Error(t, err)
}

func TestMovedClockIsAhead(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the standard library")
	}
	dir := t.TempDir()
	sources, err := movableClock(t.Context(), dir)
	require.NoError(t, err)
	program := filepath.Join(dir, "main.go")
	require.NoError(t, os.WriteFile(program, []byte("package main\n\nimport \"time\"\n\nfunc main() { println(time.Now().Unix()) }\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "run", "-overlay", sources[0].Overlay, program)
	cmd.Env = append(os.Environ(), aheadVariable+"=3600")
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	seconds, err := time.ParseDuration(strings.TrimSpace(string(said)) + "s")
	require.NoError(t, err)
	assert.InDelta(t, time.Now().Add(time.Hour).Unix(), seconds.Seconds(), 600)
}

func TestHistoryIsAdjusted(t *testing.T) {
	w := &world{shape: shape{clocks: map[string]time.Duration{"dispatcher-1": 30 * time.Second}}}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	ahead := now.Add(30 * time.Second)
	h := &audit.History{
		Requests: []audit.Request{
			{Delivery: "a", Dispatcher: 1, Timestamp: ahead.Unix(), Arrived: now}, {Delivery: "b", Dispatcher: 0, Timestamp: now.Unix(), Arrived: now},
		},
		Attempts: []audit.Attempt{{Delivery: "a", Started: ahead, Next: ahead.Add(time.Second)}, {Delivery: "b", Started: now}},
	}
	w.adjustClocks(h)
	assert.Equal(t, now.Unix(), h.Requests[0].Timestamp)
	assert.Equal(t, now, h.Attempts[0].Started)
	assert.Equal(t, now.Add(time.Second), h.Attempts[0].Next)
	assert.Equal(t, now, h.Attempts[1].Started)
	assert.Zero(t, h.Attempts[1].Next)
}
