package licences

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryLinkedModuleIsPermitted(t *testing.T) {
	modules, err := List(t.Context(), "../..")
	require.NoError(t, err)
	found := map[string][]string{}
	for _, m := range modules {
		assert.True(t, m.Permitted(), "%s %s: %v", m.Path, m.Version, m.Licences)
		assert.NotEmpty(t, m.Version)
		found[m.Path] = m.Licences
	}
	assert.Equal(t, []string{"MIT"}, found["github.com/labstack/echo/v4"])
	assert.Equal(t, []string{"BSD-2-Clause"}, found["github.com/redis/go-redis/v9"])
	assert.NotContains(t, found, "redrive/pkg", "our own are not a dependency")
}

func TestUnknownOrRestrictiveLicenceIsNotPermitted(t *testing.T) {
	for text, licences := range map[string][]string{
		"Do what you like.": {Unknown},
		"GNU General Public License. TERMS AND CONDITIONS. 0. Definitions.":                                                                                      {"GPL"},
		"Permission is hereby granted, free of charge, to any person obtaining a copy of this software. GNU Affero General Public License\nTerms and Conditions": {"AGPL", "MIT"},
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "COPYING.txt"), []byte(text), 0o600))
		found, err := licencesIn(dir)
		require.NoError(t, err)
		assert.Equal(t, licences, found)
		assert.False(t, Module{Licences: found}.Permitted())
	}
	found, err := licencesIn(t.TempDir())
	require.NoError(t, err)
	assert.Equal(t, []string{Unknown}, found)
	assert.False(t, Module{}.Permitted())
}
