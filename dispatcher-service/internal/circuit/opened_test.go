package circuit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFailedProbesKeepTheTimeOfOpening(t *testing.T) {
	const random = 0.5
	var c Circuit
	start := time.Now()
	c.open("it did not answer", start, random)
	probed := c.Until
	assert.True(t, c.Advance(probed))
	c.open("the probe failed", probed, random)
	assert.Equal(t, start, c.OpenedAt)
	assert.Equal(t, probed, c.Since)

	c.close(probed.Add(time.Minute))
	again := probed.Add(time.Hour)
	c.open("it did not answer", again, random)
	assert.Equal(t, again, c.OpenedAt)
}
