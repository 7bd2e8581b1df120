package testservers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAccountReachesClosedDirectoryFails(t *testing.T) {
	t.Parallel()
	open, err := os.MkdirTemp(os.TempDir(), "testservers-")
	require.NoError(t, err)
	defer func() { require.NoError(t, os.RemoveAll(open)) }()
	require.NoError(t, os.Chmod(open, 0o755))
	closed := filepath.Join(open, "closed")
	inside := filepath.Join(closed, "inside")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	require.NoError(t, os.Chmod(closed, 0o700))

	somebody := &account{name: "somebody"}
	assert.True(t, somebody.reaches(open))
	assert.False(t, somebody.reaches(closed))
	assert.False(t, somebody.reaches(inside), "what is above it is closed")
	assert.False(t, somebody.reaches(filepath.Join(open, "missing")))
}

func TestPostgresUnreachableTemporaryDirectoryStarts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts PostgreSQL as another user")
	}
	closed := t.TempDir()
	require.NoError(t, os.Chmod(closed, 0o700))
	t.Setenv("TMPDIR", closed)
	assert.Equal(t, "1", queryText(t, startPostgres(t).URL(), "SELECT 1::text"))
}
