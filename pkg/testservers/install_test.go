package testservers

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInstallCompleteDoesNothing(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, Install(t.Context(), &out))
	assert.Empty(t, out.String())
}

func TestMissingListsAbsentPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv(databaseURLVariable, "")
	t.Setenv(redisURLVariable, "")
	defer func(places []string) { postgresPlaces = places }(postgresPlaces)
	postgresPlaces = nil

	err := notInstalled(missing(t.Context()))
	require.ErrorIs(t, err, ErrNotInstalled)
	for _, part := range []string{"PostgreSQL, Redis or Valkey", "apt-get install postgresql redis-server", "dnf install", "brew install", databaseURLVariable, redisURLVariable} {
		assert.ErrorContains(t, err, part)
	}
	_, err = StartRedis(RedisOptions{})
	require.ErrorIs(t, err, ErrNotInstalled)
	_, err = StartPostgres(PostgresOptions{})
	require.ErrorIs(t, err, ErrNotInstalled)

	t.Setenv(databaseURLVariable, "postgres://localhost/")
	t.Setenv(redisURLVariable, "redis://localhost/")
	for _, r := range missing(t.Context()) {
		assert.NotContains(t, r.name, "PostgreSQL", "a server that is given need not be installed")
		assert.NotContains(t, r.name, "Redis")
	}
}

func TestFindPostgresPrefersNewest(t *testing.T) {
	root := t.TempDir()
	for _, version := range []string{"9.6", "15", "17"} {
		bin := filepath.Join(root, version, "bin")
		require.NoError(t, os.MkdirAll(bin, 0o755))
		for _, name := range []string{"postgres", "initdb"} {
			require.NoError(t, os.WriteFile(filepath.Join(bin, name), nil, 0o755))
		}
	}
	require.NoError(t, os.Remove(filepath.Join(root, "17", "bin", "initdb")))
	defer func(places []string) { postgresPlaces = places }(postgresPlaces)
	postgresPlaces = []string{filepath.Join(root, "*", "bin")}
	t.Setenv("PATH", "")

	found, err := findPostgres()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "15", "bin"), found, "17 is incomplete and 9.6 is older")
	assert.Equal(t, 16.0, majorVersion("/opt/homebrew/opt/postgresql@16/bin"))
	assert.Equal(t, 14.0, majorVersion("/usr/pgsql-14/bin"))
}

func TestWriteNewExistingFileIsKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sub", "file")
	written, err := writeNew(path, "ours", 0o755)
	require.NoError(t, err)
	assert.True(t, written)

	written, err = writeNew(path, "again", 0o644)
	require.NoError(t, err)
	assert.False(t, written)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "ours", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())
}
