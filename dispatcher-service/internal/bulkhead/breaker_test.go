package bulkhead

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// circuit is a breaker with a clock, whose attempts end as soon as they are begun.
type circuit struct {
	breaker
	now time.Time
}

func (c *circuit) attempt(o outcome) (moved bool) {
	c.advance(c.now)
	return c.record(c.history.begin(), o, c.state == HalfOpen, 50, c.now, 0.5)
}

func (c *circuit) attempts(n int, o outcome) {
	for range n {
		c.attempt(o)
	}
}

func TestOpensAfterTimeoutsInARow(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(4, hung)
	c.attempt(answered)
	c.attempts(4, hung)
	require.Equal(t, Closed, c.state)
	assert.True(t, c.attempt(hung))
	assert.Equal(t, Open, c.state)
	assert.Equal(t, "it did not answer in time 5 times in a row", c.why)
	assert.Equal(t, epoch.Add(5*time.Second), c.until)
}

func TestOpensWhenHalfTimeOut(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	for range 9 {
		c.attempt(hung)
		c.attempt(answered)
	}
	c.attempt(hung)
	require.Equal(t, Closed, c.state, "19 are too few to tell")
	c.attempt(hung)
	assert.Equal(t, Open, c.state)
	assert.Equal(t, "it did not answer in time 11 times out of 20", c.why)
}

func TestOpensWithoutServiceForSomeTime(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(1000, noService)
	require.Equal(t, Closed, c.state, "a receiver that is restarted")
	c.now = epoch.Add(9 * time.Second)
	c.attempt(noService)
	require.Equal(t, Closed, c.state)
	c.now = epoch.Add(10 * time.Second)
	c.attempt(noService)
	require.Equal(t, Open, c.state)
	assert.Equal(t, "it has given no service for 10s", c.why)

	seldom := circuit{now: epoch}
	for range 19 {
		seldom.attempt(noService)
		seldom.now = seldom.now.Add(time.Minute)
	}
	require.Equal(t, Closed, seldom.state, "long, and still only 19 times")
	seldom.attempt(noService)
	assert.Equal(t, Open, seldom.state)
}

// What a receiver answers is between it and the retry schedule.
func TestAnswersOpenNothing(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	for range 1000 {
		c.attempt(answered)
		c.now = c.now.Add(time.Minute)
	}
	assert.Equal(t, Closed, c.state)
	assert.True(t, c.well())
}

// Nine in a hundred of an endpoint's webhooks hang. All others are answered at once, so that in the end nothing but timeouts
// comes in; in the order in which the attempts were begun they are few.
func TestTimeoutsOfAMinorityOpenNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := circuit{now: epoch}
		var late []uint64
		for range 300 {
			number := c.history.begin()
			if random.IntN(100) < 9 {
				late = append(late, number)
				continue
			}
			c.record(number, answered, false, 50, c.now, 0.5)
		}
		require.Greater(t, len(late), 10)
		for _, number := range late {
			c.now = c.now.Add(time.Second)
			c.record(number, hung, false, 50, c.now, 0.5)
		}
		require.Equal(t, Closed, c.state)
	}
}

func TestOpenPeriodsGrow(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(5, hung)
	for _, seconds := range []int{5, 10, 20, 40, 60, 60, 60} {
		require.Equal(t, Open, c.state)
		require.Equal(t, c.now.Add(time.Duration(seconds)*time.Second), c.until)
		require.False(t, c.advance(c.until.Add(-1)))
		c.now = c.until
		require.True(t, c.advance(c.now))
		require.Equal(t, HalfOpen, c.state)
		require.True(t, c.attempt(hung), "the probe fails")
	}
	c.reopened = 1 << 40
	c.now = c.until
	c.attempt(noService)
	assert.Equal(t, c.now.Add(longestOpen), c.until)
}

func TestOpenPeriodsVary(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64]time.Duration{0: 4 * time.Second, 0.25: 4500 * time.Millisecond, 1: 6 * time.Second} {
		var b breaker
		b.open("", epoch, random)
		assert.Equal(t, epoch.Add(want), b.until)
		b = breaker{reopened: 9}
		b.open("", epoch, random)
		assert.LessOrEqual(t, b.until, epoch.Add(longestOpen))
	}
}

func TestClosesByDegrees(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(5, hung)
	c.now = c.until
	before := c.generation
	require.True(t, c.attempt(answered))
	assert.Equal(t, Closed, c.state)
	assert.Greater(t, c.generation, before, "what was begun before says nothing about what comes after")
	assert.False(t, c.well(), "it is still being tried")
	for ramp := 2; ramp < 50; ramp++ {
		require.Equal(t, ramp, c.ramp)
		c.attempt(answered)
	}
	assert.Zero(t, c.ramp, "no limit of its own")
	assert.True(t, c.well())
	c.attempts(5, hung)
	assert.Equal(t, c.now.Add(firstOpen), c.until, "it was well in between")
}

func TestOpensSoonerWhileItIsTried(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(5, hung)
	c.now = c.until
	c.attempt(answered)
	c.attempt(hung)
	c.attempt(answered)
	c.attempt(noService)
	require.Equal(t, Closed, c.state)
	c.attempt(hung)
	require.Equal(t, Open, c.state)
	assert.Equal(t, c.now.Add(2*firstOpen), c.until, "it was not well in between")
}

// What is attempted while a circuit is open, because it cannot be held any longer, closes the circuit if it is answered and
// else changes nothing.
func TestAttemptsWhileOpen(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(5, hung)
	until := c.until
	c.attempts(100, hung)
	assert.Equal(t, until, c.until)
	c.attempt(answered)
	assert.Equal(t, Closed, c.state)
}

func TestUnwell(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	require.True(t, c.well())
	c.attempt(noService)
	require.False(t, c.well(), "its last answer was bad")
	c.attempts(2, answered)
	require.False(t, c.well(), "one of three was")
	c.attempt(answered)
	assert.True(t, c.well())
}
