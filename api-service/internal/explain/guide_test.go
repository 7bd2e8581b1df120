package explain

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/guides"
	"redrive/pkg/webhook"
)

// The console links each code to its section in the guide.
func TestGuideHasASectionForEachCode(t *testing.T) {
	text, err := guides.Guide{Name: "codes"}.Markdown()
	require.NoError(t, err)
	var sections []string
	for line := range strings.Lines(string(text)) {
		if code, found := strings.CutPrefix(strings.TrimSpace(line), "### "); found {
			sections = append(sections, code)
		}
	}
	var codes []string
	for _, code := range Codes {
		codes = append(codes, string(code))
	}
	for _, code := range webhook.ErrorCodes {
		codes = append(codes, string(code))
	}
	codes = append(codes, string(webhook.FailureEventMissing), string(webhook.FailureEndpointMissing))
	assert.ElementsMatch(t, codes, sections)
}
