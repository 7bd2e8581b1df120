package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/store"
	"redrive/pkg/store/sqlite"
	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store {
		path := filepath.Join(t.TempDir(), "a strange name?#%.db")
		writeMigrated(t, path)
		return open(t, path)
	})
}

func TestReseal(t *testing.T) {
	storetest.RunReseal(t, func(t *testing.T) func(store.Sealer) *store.Store {
		path := filepath.Join(t.TempDir(), "sealed.db")
		writeMigrated(t, path)
		return func(sealer store.Sealer) *store.Store {
			opened, err := sqlite.Open(path, sealer)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, opened.Close()) })
			return opened
		}
	})
}

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	opened, err := sqlite.Open(path, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

func TestOpenFileNotAccessibleIsUnavailable(t *testing.T) {
	opened, err := sqlite.Open(filepath.Join(t.TempDir(), "missing", "x.db"), storetest.Sealer(t))
	if err == nil {
		err = opened.Ping(t.Context())
		assert.Equal(t, webhook.CodeUnavailable, webhook.CodeOf(err))
		assert.NoError(t, opened.Close())
	}
	assert.Error(t, err)
}
