package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store"
	"redrive/pkg/store/storetest"
)

func TestDamaged(t *testing.T) {
	storetest.RunDamaged(t, func(t *testing.T) (*store.Store, storetest.Execute) {
		path := filepath.Join(t.TempDir(), "damaged.db")
		writeMigrated(t, path)
		opened := open(t, path)
		beside, err := sql.Open("sqlite", path+"?_pragma=busy_timeout(30000)")
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, beside.Close()) })
		return opened, func(statement string) {
			_, err := beside.ExecContext(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	})
}
