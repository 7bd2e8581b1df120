package bench

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRunOfOneRow runs a real measurement that is too short for meaningful figures.
func TestRunOfOneRow(t *testing.T) {
	dir := t.TempDir()
	options := Options{
		Only: []string{rowPost}, Rounds: 2, Scale: 0.001, Rows: smallRows, Gate: true,
		JSON: filepath.Join(dir, "bench.json"), SVG: filepath.Join(dir, "bench.svg"),
	}
	var out, told strings.Builder
	require.NoError(t, Run(t.Context(), options, &out, &told))
	assert.Contains(t, told.String(), "2/2  draining a queue, round 2 of 2")
	assert.Contains(t, out.String(), "\nasynq-post ")
	assert.Contains(t, out.String(), "medians of 2, at 0.001 of the full counts")

	content, err := os.ReadFile(options.JSON)
	require.NoError(t, err)
	var rows []struct {
		Name, Unit string
		Value      float64
		RatioTo    *string
	}
	require.NoError(t, json.Unmarshal(content, &rows))
	require.Len(t, rows, 1)
	assert.Equal(t, rowPost, rows[0].Name)
	assert.Equal(t, "tasks/s", rows[0].Unit)
	assert.Positive(t, rows[0].Value)
	assert.Nil(t, rows[0].RatioTo, "its baseline was not asked for")

	plot, err := os.ReadFile(options.SVG)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(plot, new(struct{ XMLName xml.Name })))
}

func TestRunOfWhatCannotBeMeasured(t *testing.T) {
	err := Run(t.Context(), Options{Only: []string{rowIdle}, Embedded: true, Rounds: 1, Scale: 1}, io.Discard, io.Discard)
	require.ErrorContains(t, err, "none of these rows")
}

func TestRunUnwritableFileIsError(t *testing.T) {
	write := func(io.Writer) error { return nil }
	require.NoError(t, writeFile("", write))
	require.Error(t, writeFile(filepath.Join(t.TempDir(), "no", "such", "folder"), write))
}
