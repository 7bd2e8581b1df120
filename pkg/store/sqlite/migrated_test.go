package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"redrive/pkg/store/sqlite"
)

// writeMigrated writes a new database with all tables to a file. The migrations run once in a process, and each call copies their result.
func writeMigrated(t *testing.T, path string) {
	t.Helper()
	content, err := migrated()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, content, 0o600))
}

// migrated returns the content of a database's file. Closing the last connection moves everything to that file.
var migrated = sync.OnceValues(func() (content []byte, err error) {
	dir, err := os.MkdirTemp("", "redrive-migrated-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for a database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "migrated.db")
	opened, err := sqlite.Open(path, nil) // the migrations seal nothing
	if err != nil {
		return nil, err
	}
	_, err = opened.Migrate(context.Background())
	if err := errors.Join(err, opened.Close()); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})
