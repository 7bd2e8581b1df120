package docs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/docs/figures"
)

// TestPerformancePageShowsMeasuredFigures fails if only one of table and data was changed.
func TestPerformancePageShowsMeasuredFigures(t *testing.T) {
	measured, err := os.ReadFile("performance.json")
	require.NoError(t, err)
	table, err := figures.Table(measured)
	require.NoError(t, err)
	page := read(t, "deploy/docs/performance.md").text
	filled, err := figures.Into(page, table)
	require.NoError(t, err)
	assert.Equal(t, filled, page, "go run ./deploy/docs/cmd/figures deploy/docs/performance.json deploy/docs/performance.md")
}
