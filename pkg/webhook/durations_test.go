package webhook_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/pkg/webhook"
)

// TestDurationsQuantileNearExact compares quantiles with those of the sorted durations. They differ by less than 5 %, also after encoding and
// when two sets are added.
func TestDurationsQuantileNearExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 30_000), rapid.Int64Range(0, 86_400_000))
		values := rapid.SliceOfN(duration, 1, 300).Draw(t, "durations")
		var parts [2]webhook.Durations
		for i, value := range values {
			parts[i%2].Add(value)
		}
		decoded, err := webhook.DecodeDurations(parts[0].Encode())
		require.NoError(t, err)
		decoded.AddAll(parts[1])
		assert.Equal(t, int64(len(values)), decoded.Count())
		slices.Sort(values)
		for _, share := range []float64{0, 0.5, 0.95, 1} {
			exact := values[max(int(math.Ceil(share*float64(len(values)))), 1)-1]
			got, ok := decoded.Quantile(share)
			require.True(t, ok)
			assert.InDelta(t, exact, got, float64(exact)*0.05, "%v of %v", share, values)
		}
	})
}

func TestDurationsEmptyHasNoQuantile(t *testing.T) {
	empty, err := webhook.DecodeDurations(webhook.Durations{}.Encode())
	require.NoError(t, err)
	_, ok := empty.Quantile(0.5)
	assert.False(t, ok)
	assert.NotNil(t, empty.Encode(), "a column that is not NULL")
}

func TestDurationsFastAnswersAreExact(t *testing.T) {
	for milliseconds := range int64(32) {
		var d webhook.Durations
		d.Add(milliseconds)
		got, _ := d.Quantile(0.5)
		assert.Equal(t, milliseconds, got)
	}
}

// TestDurationsEncodingIsSmall bounds the size of a row: 10,000 answers that are spread over two orders of magnitude.
func TestDurationsEncodingIsSmall(t *testing.T) {
	var d webhook.Durations
	for i := range int64(10_000) {
		d.Add(10 + i/10)
	}
	assert.Less(t, len(d.Encode()), 400)
}

// TestDecodeDurationsDamagedFails decodes what no Encode returned, and bytes at random.
func TestDecodeDurationsDamagedFails(t *testing.T) {
	for _, damaged := range [][]byte{{1}, {0, 1}, {0xff}, {0xff, 0xff, 0xff, 0x7f, 1}, {1, 0xff}} {
		_, err := webhook.DecodeDurations(damaged)
		assert.Error(t, err, "%v", damaged)
	}
	rapid.Check(t, func(t *rapid.T) {
		d, err := webhook.DecodeDurations(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		if err == nil {
			assert.GreaterOrEqual(t, d.Count(), int64(0))
		}
	})
}
