package endpoints

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSnippetsAreTheGuidesFunctions(t *testing.T) {
	require.Len(t, snippets, len(languages))
	for i, sign := range []string{"func Verify(", "export function verify(", "def verify("} {
		assert.Equal(t, languages[i], snippets[i].Language)
		assert.Contains(t, snippets[i].Code, sign)
		assert.NotContains(t, snippets[i].Code, "```")
	}
	assert.Empty(t, readSnippets([]string{"No such heading"}))
}
