package keys_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/queue/internal/keys"
)

// The start of asynq's keys appears in no other source file of the repository.
func TestLayoutIsKnownHereOnly(t *testing.T) {
	const root = "../../../.." // of the repository
	require.FileExists(t, filepath.Join(root, "go.work"))
	var found []string
	scanned := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || !slices.Contains([]string{".go", ".lua", ".sh", ".sql"}, filepath.Ext(path)):
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		scanned++
		if strings.Contains(string(content), "asynq:"+"{") {
			name, err := filepath.Rel(root, path)
			found = append(found, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	require.NoError(t, err)
	assert.Greater(t, scanned, 300)
	assert.Equal(t, []string{"pkg/queue/internal/keys/keys.go"}, found)
}

func TestKeysOfDeliveries(t *testing.T) {
	prefix := "asynq:" + "{deliveries}:"
	k := keys.Of("deliveries")
	assert.Equal(t, prefix+"t:dlv_1", k.Task("dlv_1"))
	assert.True(t, keys.IsPending(k.Pending))
	assert.False(t, keys.IsPending(k.Active))
	assert.True(t, keys.IsActive(k.Active))
	assert.False(t, keys.IsActive(k.Pending))
	assert.True(t, keys.IsTask(k.Task("dlv_1")))
	assert.False(t, keys.IsTask(k.Completed))
	assert.True(t, keys.IsSleeping(k.Retry))
	assert.True(t, keys.IsSleeping(k.Scheduled))
	assert.False(t, keys.IsSleeping(k.Pending))
	assert.False(t, keys.IsPending("other:{deliveries}:pending"))
}
