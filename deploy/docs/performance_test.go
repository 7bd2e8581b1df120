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
	page := read(t, "deploy/docs/performance.md").text
	filled, err := figures.Fill(page, measured)
	require.NoError(t, err)
	assert.Equal(t, filled, page, "go run ./deploy/docs/cmd/figures deploy/docs/performance.json deploy/docs/performance.md")
}

// TestCapacityPageShowsMeasuredFigures does the same for the guide, and for the table that is computed of the figures.
func TestCapacityPageShowsMeasuredFigures(t *testing.T) {
	measured, err := os.ReadFile("capacity.json")
	require.NoError(t, err)
	processors, err := os.ReadFile("performance.json")
	require.NoError(t, err)
	page := read(t, "pkg/guides/capacity.md").text
	filled, err := figures.Fill(page, measured, processors)
	require.NoError(t, err)
	assert.Contains(t, page, figures.BeginCapacity)
	assert.Equal(t, filled, page, "go run ./deploy/docs/cmd/figures deploy/docs/capacity.json pkg/guides/capacity.md deploy/docs/performance.json")
}
