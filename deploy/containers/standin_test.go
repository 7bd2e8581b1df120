package containers

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entries reads an archive.
func entries(t *testing.T, archive io.Reader) (headers map[string]*tar.Header, order []string) {
	t.Helper()
	headers = map[string]*tar.Header{}
	reader := tar.NewReader(archive)
	for {
		h, err := reader.Next()
		if err == io.EOF {
			return headers, order
		}
		require.NoError(t, err)
		require.NotContains(t, headers, h.Name, "each is written once")
		headers[h.Name] = h
		order = append(order, h.Name)
	}
}

func TestRootfsWritesParentsFirstAndEachEntryOnce(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "skipped"), 0o750))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "kept"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "skipped", "file"), []byte("no"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "kept", "file"), []byte("yes"), 0o600))
	var archive bytes.Buffer
	files := newRootfs(t.Context(), &archive)
	files.dir("/data/own", 0o700, owner{70, 70})
	files.tree(dir, "/data/tree", "skipped")
	files.text("/data/own/text", 0o755, "content")
	files.text("/data/own/text", 0o755, "again")
	files.link("/bin/sh", "busybox")
	require.NoError(t, files.close())

	headers, order := entries(t, &archive)
	assert.Equal(t, []string{"data/", "data/own/", "data/tree/", "data/tree/kept/", "data/tree/kept/file", "data/own/text", "bin/", "bin/sh"}, order)
	assert.Equal(t, 70, headers["data/own/"].Uid)
	assert.Equal(t, int64(0o700), headers["data/own/"].Mode)
	assert.Equal(t, 0, headers["data/"].Uid)
	assert.Equal(t, int64(7), headers["data/own/text"].Size)
	assert.Equal(t, "busybox", headers["bin/sh"].Linkname)
}

func TestRootfsCopiesLibrariesOfAProgram(t *testing.T) {
	var archive bytes.Buffer
	files := newRootfs(t.Context(), &archive)
	files.program("/bin/sh") // it is dynamic on Debian
	require.NoError(t, files.close())
	headers, _ := entries(t, &archive)
	assert.Contains(t, headers, "bin/sh")
	var libraries int
	for file := range headers {
		if matched, _ := filepath.Match("libc.so*", filepath.Base(file)); matched {
			libraries++
		}
	}
	assert.Equal(t, 1, libraries)
}

func TestRootfsReportsFirstError(t *testing.T) {
	var archive bytes.Buffer
	files := newRootfs(t.Context(), &archive)
	files.file("/nowhere/at/all", "/file")
	files.text("/after", 0o644, "nothing is written")
	require.ErrorIs(t, files.close(), os.ErrNotExist)
	assert.NotContains(t, archive.String(), "after")
}
