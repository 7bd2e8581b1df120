package nodes

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDrillsAreChosen(t *testing.T) {
	all, err := Options{}.chosen()
	require.NoError(t, err)
	assert.Len(t, all, len(List())-1, "dispatcher-without-postgres has what dispatcher-without-postgres-5s has")
	names := map[string]bool{}
	for _, d := range all {
		assert.False(t, names[d.name], "%s is there once", d.name)
		names[d.name] = true
	}

	short, err := Options{Short: true}.chosen()
	require.NoError(t, err)
	var chosen []string
	for _, d := range short {
		chosen = append(chosen, d.name)
	}
	assert.ElementsMatch(t, []string{"postgres-killed-sync", "redis-killed", "dispatcher-without-postgres-5s"}, chosen)

	one, err := Options{Only: []string{"clocks"}, Short: true}.chosen()
	require.NoError(t, err)
	require.Len(t, one, 1)

	_, err = Options{Only: []string{"nothing"}}.chosen()
	require.ErrorContains(t, err, "redis-minority", "the error lists the drills")
}

func TestImageHasNoProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	require.NoError(t, writeImage(file))
	content, err := os.Open(file)
	require.NoError(t, err)
	defer func() { assert.NoError(t, content.Close()) }()
	archive := tar.NewReader(content)
	var files []string
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if header.Typeflag == tar.TypeReg {
			files = append(files, header.Name)
		}
	}
	assert.Equal(t, []string{"etc/passwd"}, files)
}
