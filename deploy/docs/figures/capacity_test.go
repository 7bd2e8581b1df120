package figures_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/docs/figures"
)

const capacities = `[
  {"name": "database-bytes", "unit": "bytes", "value": 2000},
  {"name": "capacity-redis", "unit": "commands", "value": 20},
  {"name": "capacity-wal", "unit": "bytes", "value": 4000}
]`

const processorTimes = `[
  {"name": "end-to-end-single", "unit": "deliveries/s", "value": 3000, "details": [
    {"name": "own CPU", "unit": "µs/delivery", "value": 432}, {"name": "PostgreSQL CPU", "unit": "µs/delivery", "value": 100},
    {"name": "Redis CPU", "unit": "µs/delivery", "value": 50}]}
]`

// TestCapacityComputesTheNeeds has round numbers: 864 million a day would be 10,000 a second.
func TestCapacityComputesTheNeeds(t *testing.T) {
	table, err := figures.Capacity([]byte(capacities), []byte(processorTimes))
	require.NoError(t, err)
	for _, line := range []string{
		"| N deliveries a day | 10 million | 100 million | 1,000 million | arithmetic |",
		"| deliveries a second, on average | 120 | 1,200 | 12,000 | N / 86,400 s |",
		"| deliveries a second at the peak: P | 580 | 5,800 | 58,000 | 5 × average |",
		"| disk of PostgreSQL for 90 days, in GB | 1,800 | 18,000 | 180,000 | N × 90 × 2000 bytes |",
		"| the same for 7 days, in GB | 140 | 1,400 | 14,000 | N × 7 × 2000 bytes |",
		"| WAL a day, in GB | 40 | 400 | 4,000 | N × 4000 bytes |",
		"| WAL a second at the peak, in MB | 2.3 | 23 | 230 | P × 4000 bytes |",
		"| commands of Redis a second at the peak | 12,000 | 120,000 | 1,200,000 | P × 20.0 |",
		"| cores for PostgreSQL at the peak | 0.058 | 0.58 | 5.8 | P × 100 µs |",
		"| cores for Redis at the peak; one Redis has one | 0.029 | 0.29 | 2.9 | P × 50.0 µs |",
		"| cores for API and dispatchers at the peak | 0.25 | 2.5 | 25 | P × 432 µs |",
		"| dispatchers at the peak, if receivers answer in 0.2 s | 0.58 | 5.8 | 58 | P × 0.2 s / 200 in flight |",
	} {
		assert.Contains(t, table, line+"\n")
	}
	_, err = figures.Capacity([]byte(strings.Replace(capacities, "capacity-wal", "wal", 1)), []byte(processorTimes))
	require.ErrorContains(t, err, "capacity-wal")
}

func TestFillPutsBothTablesIntoThePage(t *testing.T) {
	page := figures.Begin + "\n" + figures.End + "\nbetween\n" + figures.BeginCapacity + "\n" + figures.EndCapacity + "\n"
	filled, err := figures.Fill(page, []byte(capacities), []byte(processorTimes))
	require.NoError(t, err)
	assert.Contains(t, filled, "| `capacity-wal` | 4000 |")
	assert.Contains(t, filled, "| WAL a day, in GB | 40 |")
	again, err := figures.Fill(filled, []byte(capacities), []byte(processorTimes))
	require.NoError(t, err)
	assert.Equal(t, filled, again)
	_, err = figures.Fill(strings.Replace(page, figures.EndCapacity, "", 1), []byte(capacities), []byte(processorTimes))
	require.Error(t, err)
}
