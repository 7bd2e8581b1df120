package bench

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func contentOf(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(content)
}

func TestQuotaWritesTheFilesOfBothVersions(t *testing.T) {
	first := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(first, "cpu"), 0o700))
	q, err := newQuota(first, "group", 0.3)
	require.NoError(t, err)
	require.NoError(t, q.add(42))
	assert.Equal(t, "20000", contentOf(t, first, "cpu", "group", "cpu.cfs_period_us"))
	assert.Equal(t, "6000", contentOf(t, first, "cpu", "group", "cpu.cfs_quota_us"))
	assert.Equal(t, "42", contentOf(t, first, "cpu", "group", "cgroup.procs"))

	second := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(second, "cgroup.controllers"), []byte("cpu memory"), 0o600))
	_, err = newQuota(second, "group", 0.3)
	require.NoError(t, err)
	assert.Equal(t, "+cpu", contentOf(t, second, "cgroup.subtree_control"))
	assert.Equal(t, "6000 20000", contentOf(t, second, "group", "cpu.max"))

	_, err = newQuota(t.TempDir(), "group", 1)
	require.ErrorContains(t, err, "make a control group", "a machine without control groups")
}

func TestLimitIsTheLargestShareThatIsNearlyUsedUp(t *testing.T) {
	assert.Equal(t, notBusy, limitOf(map[string]float64{shareQuota: 0.5, shareMachine: 0.84}))
	assert.Equal(t, "bound by the share of Redis's core, 97 %", limitOf(map[string]float64{shareQuota: 0.9, shareRedis: 0.97, shareInFlight: 0.2}))
}
