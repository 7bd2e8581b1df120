package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/chaos"
)

func TestArguments(t *testing.T) {
	t.Parallel()
	var output strings.Builder
	options, seeds, err := parse([]string{"--deliveries", "2000", "--seed", "7", "--dispatchers", "4"}, &output)
	require.NoError(t, err)
	assert.Equal(t, 2000, options.Deliveries)
	assert.Equal(t, 4, options.Dispatchers)
	assert.Equal(t, []uint64{7}, seeds)

	_, seeds, err = parse(nil, &output)
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2, 3}, seeds)

	options, seeds, err = parse([]string{"--control", "no-fencing"}, &output)
	require.NoError(t, err)
	assert.Equal(t, chaos.NoFencing, options.Control)
	assert.Equal(t, []uint64{1}, seeds)

	_, seeds, err = parse([]string{"--seeds", "4, 5"}, &output)
	require.NoError(t, err)
	assert.Equal(t, []uint64{4, 5}, seeds)
}

func TestWrongArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--seed", "x"}, {"--seed", "1", "--seeds", "2"}, {"all"}, {"--wat"}, {"--dispatchers", "1"}, {"--control", "no-luck"}} {
		var stdout, stderr strings.Builder
		assert.Equal(t, exitInvalid, run(t.Context(), args, &stdout, &stderr), "%v", args)
		assert.NotEmpty(t, stderr.String())
		assert.Empty(t, stdout.String())
	}
	var stdout, stderr strings.Builder
	assert.Zero(t, run(t.Context(), []string{"--help"}, &stdout, &stderr))
}
