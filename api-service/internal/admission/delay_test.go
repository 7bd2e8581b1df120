package admission

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDelay(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		lag    time.Duration
		events int
		want   time.Duration
	}{
		"no report":                    {0, 1, 0},
		"at the target":                {targetLag, 1, 0},
		"behind":                       {targetLag + 20*ms, 1, 20 * ms},
		"far behind":                   {time.Hour, 1, longestDelay},
		"a small batch":                {targetLag + 5*ms, 4, 20 * ms},
		"a large batch":                {targetLag + 5*ms, 100, longestDelay},
		"a large batch, at the target": {targetLag, 100, 0},
		"a huge batch, far behind":     {time.Hour, 1 << 40, longestDelay},
		"nothing to publish":           {time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, delay(test.lag, test.events)) })
	}
}

func TestDelaysEndTogetherAndInTime(t *testing.T) {
	const ms = time.Millisecond
	at := func(d time.Duration) time.Time { return time.Unix(1000, 0).Add(d) }
	assert.Equal(t, at(24*ms), release(at(3*ms), 20*ms))
	assert.Equal(t, at(24*ms), release(at(4*ms), 15*ms), "with the one before")
	assert.Equal(t, at(24*ms), release(at(4*ms), 20*ms), "at a time of the grid")
	assert.Equal(t, at(53*ms), release(at(3*ms), longestDelay), "no later than the longest delay")
}
