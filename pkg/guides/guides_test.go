package guides_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/guides"
)

func TestAllListsEachFileOnce(t *testing.T) {
	var listed []string
	for _, g := range guides.All() {
		listed = append(listed, g.Name+".md")
		assert.NotEmpty(t, g.About, g.Name)
		embedded, err := g.Markdown()
		require.NoError(t, err)
		onDisk, err := os.ReadFile(g.Name + ".md")
		require.NoError(t, err)
		assert.Equal(t, string(onDisk), string(embedded))
	}
	onDisk, err := filepath.Glob("*.md")
	require.NoError(t, err)
	assert.ElementsMatch(t, onDisk, listed)
}
