package contrast_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/contrast"
)

func parse(t *testing.T, text string) contrast.Color {
	t.Helper()
	c, err := contrast.Parse(text)
	require.NoError(t, err)
	return c
}

// The ratios are those of the WebAIM contrast checker.
func TestRatio(t *testing.T) {
	for _, c := range []struct {
		one, other string
		ratio      float64
	}{
		{"#000000", "#ffffff", 21},
		{"#ffffff", "#ffffff", 1},
		{"#777777", "#ffffff", 4.48},
		{"#767676", "#ffffff", 4.54},
		{"#ff0000", "#ffffff", 4.00},
		{"#0000ff", "#ffffff", 8.59},
		{"#00ff00", "#000000", 15.30},
	} {
		assert.InDelta(t, c.ratio, contrast.Ratio(parse(t, c.one), parse(t, c.other)), 0.005, c.one)
		assert.Equal(t, contrast.Ratio(parse(t, c.one), parse(t, c.other)), contrast.Ratio(parse(t, c.other), parse(t, c.one)))
	}
}

func TestParse(t *testing.T) {
	assert.Equal(t, contrast.Color{0x24, 0x57, 0xc5}, parse(t, "#2457c5"))
	assert.Equal(t, "#2457c5", parse(t, "#2457C5").String())
	for _, text := range []string{"", "#", "2457c5", "#2457c", "#2457c5a", "#24g7c5", "#fff", "blue", "# 2457c", "#2457c5ff"} {
		_, err := contrast.Parse(text)
		assert.Error(t, err, text)
	}
}
