package variant_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos/internal/variant"
	"redrive/pkg/keyring"
)

func TestIsCommand(t *testing.T) {
	for _, control := range variant.Controls {
		assert.True(t, variant.IsCommand(append([]string{"harness"}, variant.Args(control, "1")...)))
	}
	assert.False(t, variant.IsCommand([]string{"harness", "--control", "no-fencing", "x"}))
}

func TestRefusesWhatItDoesNotKnow(t *testing.T) {
	key, err := keyring.Generate()
	require.NoError(t, err)
	environ := []string{"DATABASE_URL=postgres://127.0.0.1:1/none", "REDIS_URL=redis://127.0.0.1:1", "SECRETS_KEY=" + key}
	var stderr strings.Builder
	assert.Equal(t, 1, variant.Main(append([]string{"harness"}, variant.Args("no-luck", "1")...), environ, &stderr))
	assert.Contains(t, stderr.String(), "no-luck")
	stderr.Reset()
	assert.Equal(t, 1, variant.Main(append([]string{"harness"}, variant.Args(variant.NoFencing, "1")...), nil, &stderr))
	assert.Contains(t, stderr.String(), "DATABASE_URL")
}
