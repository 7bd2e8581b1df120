package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// housed reads the map of the house: folders, relative to the top. The text behind two spaces describes them and can name further folders.
func housed(t *testing.T) (folders, said []string) {
	t.Helper()
	folder := regexp.MustCompile(`[a-z][a-z0-9/-]*/`)
	var module string
	for _, b := range read(t, ".github/CONTRIBUTING.md").blocks {
		if b.heading != "The map of the house" {
			continue
		}
		for line := range strings.Lines(b.text) {
			names, about, _ := strings.Cut(strings.TrimSpace(line), "  ")
			if !strings.HasPrefix(line, " ") {
				module = strings.Fields(names)[0]
				continue
			}
			parents := folder.FindAllString(names, -1)
			for _, name := range parents {
				folders = append(folders, filepath.Clean(module+name))
			}
			for _, name := range folder.FindAllString(about, -1) {
				if len(parents) > 0 {
					said = append(said, filepath.Join(module, parents[0], name))
				}
			}
		}
	}
	require.NotEmpty(t, folders)
	return folders, said
}

func TestMapNamesExistingFolders(t *testing.T) {
	folders, said := housed(t)
	for _, folder := range slices.Concat(folders, said) {
		assert.DirExists(t, filepath.Join(root, folder))
	}
}

// TestMapNamesEveryPackage also accepts a folder above the package, if the map names that folder itself.
func TestMapNamesEveryPackage(t *testing.T) {
	folders, said := housed(t)
	mapped := slices.Concat(folders, said)
	for _, module := range []string{"api-service", "dispatcher-service", "pkg", "deploy"} {
		err := filepath.WalkDir(filepath.Join(root, module), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			programs, err := filepath.Glob(filepath.Join(path, "*.go"))
			if err != nil || len(programs) == 0 {
				return err
			}
			relative, err := filepath.Rel(root, path)
			isMapped := slices.ContainsFunc(mapped, func(folder string) bool {
				return relative == folder || strings.HasPrefix(relative, folder+string(os.PathSeparator))
			})
			assert.True(t, isMapped, "put %s on the map in .github/CONTRIBUTING.md", relative)
			return err
		})
		require.NoError(t, err)
	}
}
