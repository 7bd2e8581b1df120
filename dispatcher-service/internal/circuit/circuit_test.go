package circuit

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// clocked is a Circuit with a clock. Its attempts end as soon as they have started.
type clocked struct {
	Circuit
	now time.Time
}

func (c *clocked) attempt(o Outcome) (moved bool) {
	c.Advance(c.now)
	return c.Record(c.Begin(), o, 50, c.now, 0.5)
}

func (c *clocked) attempts(n int, o Outcome) {
	for range n {
		c.attempt(o)
	}
}

func TestOpensAfterTimeoutsInARow(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(4, TimedOut)
	c.attempt(Answered)
	c.attempts(4, TimedOut)
	require.Equal(t, Closed, c.State)
	assert.True(t, c.attempt(TimedOut))
	assert.Equal(t, Open, c.State)
	assert.Equal(t, "it did not answer in time 5 times in a row", c.Reason)
	assert.Equal(t, epoch.Add(5*time.Second), c.Until)
}

func TestOpensWhenHalfTimeOut(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	for range 9 {
		c.attempt(TimedOut)
		c.attempt(Answered)
	}
	c.attempt(TimedOut)
	require.Equal(t, Closed, c.State, "19 are too few to tell")
	c.attempt(TimedOut)
	assert.Equal(t, Open, c.State)
	assert.Equal(t, "it did not answer in time 11 times out of 20", c.Reason)
}

func TestOpensWithoutServiceForSomeTime(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(1000, NoService)
	require.Equal(t, Closed, c.State, "a receiver that is restarted")
	c.now = epoch.Add(9 * time.Second)
	c.attempt(NoService)
	require.Equal(t, Closed, c.State)
	c.now = epoch.Add(10 * time.Second)
	c.attempt(NoService)
	require.Equal(t, Open, c.State)
	assert.Equal(t, "it has given no service for 10s", c.Reason)

	seldom := clocked{now: epoch}
	for range 19 {
		seldom.attempt(NoService)
		seldom.now = seldom.now.Add(time.Minute)
	}
	require.Equal(t, Closed, seldom.State, "long, and still only 19 times")
	seldom.attempt(NoService)
	assert.Equal(t, Open, seldom.State)
}

// The status of an answer never opens a circuit. The retry schedule handles it.
func TestAnswersOpenNothing(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	for range 1000 {
		c.attempt(Answered)
		c.now = c.now.Add(time.Minute)
	}
	assert.Equal(t, Closed, c.State)
	assert.True(t, c.Healthy())
}

// Nine of a hundred webhooks of an endpoint hang, and the others are answered immediately. The last outcomes to arrive are all timeouts,
// but they are few in the order in which the attempts began.
func TestMinorityOfTimeoutsOpensNothing(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		c := clocked{now: epoch}
		var late []Attempt
		for range 300 {
			attempt := c.Begin()
			if random.IntN(100) < 9 {
				late = append(late, attempt)
				continue
			}
			c.Record(attempt, Answered, 50, c.now, 0.5)
		}
		require.Greater(t, len(late), 10)
		for _, attempt := range late {
			c.now = c.now.Add(time.Second)
			c.Record(attempt, TimedOut, 50, c.now, 0.5)
		}
		require.Equal(t, Closed, c.State)
	}
}

func TestOpenPeriodsGrow(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(5, TimedOut)
	for _, seconds := range []int{5, 10, 20, 40, 60, 60, 60} {
		require.Equal(t, Open, c.State)
		require.Equal(t, c.now.Add(time.Duration(seconds)*time.Second), c.Until)
		require.False(t, c.Advance(c.Until.Add(-1)))
		c.now = c.Until
		require.True(t, c.Advance(c.now))
		require.Equal(t, HalfOpen, c.State)
		require.True(t, c.attempt(TimedOut), "the probe fails")
	}
	c.Openings = 1 << 40
	c.now = c.Until
	c.attempt(NoService)
	assert.Equal(t, c.now.Add(longestOpen), c.Until)
}

func TestOpenPeriodsVary(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64]time.Duration{0: 4 * time.Second, 0.25: 4500 * time.Millisecond, 1: 6 * time.Second} {
		var b Circuit
		b.open("", epoch, random)
		assert.Equal(t, epoch.Add(want), b.Until)
		b = Circuit{Openings: 9}
		b.open("", epoch, random)
		assert.LessOrEqual(t, b.Until, epoch.Add(longestOpen))
	}
}

func TestClosedCircuitRamps(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(5, TimedOut)
	c.now = c.Until
	before := c.generation
	require.True(t, c.attempt(Answered))
	assert.Equal(t, Closed, c.State)
	assert.Greater(t, c.generation, before, "what was begun before says nothing about what comes after")
	assert.False(t, c.Healthy(), "it is still being tried")
	for ramp := 2; ramp < 50; ramp++ {
		require.Equal(t, ramp, c.Ramp)
		c.attempt(Answered)
	}
	assert.Zero(t, c.Ramp, "no limit of its own")
	assert.True(t, c.Healthy())
	c.attempts(5, TimedOut)
	assert.Equal(t, c.now.Add(firstOpen), c.Until, "it was well in between")
}

func TestRampingCircuitOpensSooner(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(5, TimedOut)
	c.now = c.Until
	c.attempt(Answered)
	c.attempt(TimedOut)
	c.attempt(Answered)
	c.attempt(NoService)
	require.Equal(t, Closed, c.State)
	c.attempt(TimedOut)
	require.Equal(t, Open, c.State)
	assert.Equal(t, c.now.Add(2*firstOpen), c.Until, "it was not well in between")
}

// What is attempted while a circuit is open, because it cannot be held any longer, closes the circuit if it is Answered and
// else changes nothing.
func TestAttemptsWhileOpen(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(5, TimedOut)
	until := c.Until
	c.attempts(100, TimedOut)
	assert.Equal(t, until, c.Until)
	c.attempt(Answered)
	assert.Equal(t, Closed, c.State)
}

func TestHealthyAfterFailures(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	require.True(t, c.Healthy())
	c.attempt(NoService)
	require.False(t, c.Healthy(), "its last answer was bad")
	c.attempts(2, Answered)
	require.False(t, c.Healthy(), "one of three was")
	c.attempt(Answered)
	assert.True(t, c.Healthy())
}
