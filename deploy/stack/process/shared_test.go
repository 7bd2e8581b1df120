package process

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

// smallModule is a workspace with one small program.
func smallModule(t *testing.T) (workspace string, source Source) {
	t.Helper()
	workspace = t.TempDir()
	module := filepath.Join(workspace, "module")
	require.NoError(t, os.Mkdir(module, 0o755))
	for name, text := range map[string]string{"go.mod": "module small\n", "main.go": "package main\n\nfunc main() {}\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(text), 0o600))
	}
	return workspace, Source{Output: "small", Module: "module", Package: "."}
}

// A program is built once in a run. Links lead to one file, and the source is not read again.
func TestProvideSharedProgramIsBuiltOnce(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv(testservers.ProgramsVariable, t.TempDir())
	workspace, source := smallModule(t)
	dirs := []string{t.TempDir(), t.TempDir()}
	var group sync.WaitGroup
	for _, dir := range dirs {
		group.Go(func() { assert.NoError(t, source.provide(workspace, dir)) })
	}
	group.Wait()
	first, err := os.Stat(filepath.Join(dirs[0], "small"))
	require.NoError(t, err)
	second, err := os.Stat(filepath.Join(dirs[1], "small"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(first, second))

	require.NoError(t, os.Remove(filepath.Join(workspace, "module", "main.go")))
	require.NoError(t, source.provide(workspace, t.TempDir()))
	stamped := source
	stamped.Version = "v2"
	assert.Error(t, stamped.provide(workspace, t.TempDir()), "another version is another program")
}

func TestProvideWithoutSharedFolderBuilds(t *testing.T) {
	t.Setenv("GOWORK", "off")
	t.Setenv(testservers.ProgramsVariable, "")
	workspace, source := smallModule(t)
	dir := t.TempDir()
	require.NoError(t, source.provide(workspace, dir))
	info, err := os.Lstat(filepath.Join(dir, "small"))
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular())
}
