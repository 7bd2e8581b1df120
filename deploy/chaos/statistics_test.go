package chaos

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/deploy/chaos/internal/records"
)

func TestDifferingNamesBothCounts(t *testing.T) {
	rows := records.Counts{Created: 5, Attempts: 7, Succeeded: 4}
	assert.Empty(t, differing(rows, rows))
	for _, counted := range []records.Counts{{Created: 6, Attempts: 7, Succeeded: 4}, {Created: 5, Attempts: 8, Succeeded: 4}, {Created: 5, Attempts: 7, Succeeded: 3}} {
		assert.Contains(t, differing(counted, rows), "and the tables 5, 7 and 4")
	}
}
