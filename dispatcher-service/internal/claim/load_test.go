package claim

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLoadFollowsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoad()
		run := func(perSecond int) {
			for range perSecond {
				l.Begin()
				time.Sleep(time.Second / time.Duration(perSecond))
				l.End()
			}
		}
		assert.Equal(t, leastWork, l.Room())
		run(6000)
		assert.InDelta(t, 150, l.Room(), 2, "6,000 a second for 25 ms each")
		run(20000)
		assert.Equal(t, mostWork, l.Room())
		run(10)
		assert.Equal(t, leastWork, l.Room())
	})
}

func TestLoadLeavesOutAttempts(t *testing.T) {
	l := NewLoad()
	signals := 0
	l.changed = func() { signals++ }
	for range leastWork {
		l.Begin()
	}
	assert.Zero(t, l.Room())
	l.Pause()
	assert.Equal(t, 1, l.Room())
	assert.Equal(t, 1, signals, "whoever waits for room looks again")
	l.Begin()
	l.End()
	assert.Equal(t, 1, l.Room())
}
