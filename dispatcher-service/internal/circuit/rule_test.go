package circuit

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/pkg/webhook"
)

const timeout = 15 * time.Second

func status(code int) webhook.Result {
	return webhook.Result{ResponseStatus: code, Duration: time.Millisecond}
}

// Each status by itself, 64 times over 64 s.
func TestCircuitStatusesThatOpenIt(t *testing.T) {
	t.Parallel()
	opens := map[int]bool{0: true, 429: true, 502: true, 503: true, 504: true}
	for code := range 1000 {
		if code > 0 && code < 100 {
			continue
		}
		c := clocked{now: epoch}
		for range 64 {
			c.now = c.now.Add(time.Second)
			c.attempt(OutcomeOf(status(code), timeout))
		}
		require.Equal(t, opens[code], c.Openings > 0, code)
		if opens[code] {
			continue
		}
		for range 64 { // and as late as a timeout
			c.now = c.now.Add(time.Second)
			c.attempt(OutcomeOf(webhook.Result{ResponseStatus: code, Duration: timeout}, timeout))
		}
		require.Equal(t, Closed, c.State, code)
		require.False(t, c.Healthy(), "it has a smaller share")
	}
}

// A Slow answer to a probe is an answer.
func TestCircuitSlowProbeClosesIt(t *testing.T) {
	t.Parallel()
	c := clocked{now: epoch}
	c.attempts(5, TimedOut)
	c.now = c.Until
	require.True(t, c.attempt(Slow))
	assert.Equal(t, Closed, c.State)
}

func TestCircuitReasonShowsTrueDuration(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{600 * time.Millisecond, 1900 * time.Millisecond, time.Minute, 26 * time.Hour} {
		c := clocked{now: epoch}
		for c.State == Closed {
			c.attempt(NoService)
			c.now = c.now.Add(step)
		}
		lasted := 19 * step // from the first of 20 to the last
		assert.Equal(t, fmt.Sprintf("it has given no service for %s", lasted.Truncate(time.Second)), c.Reason)
	}
}

// ended is an attempt that has ended, in the order of ends.
type ended struct {
	at      time.Time
	outcome Outcome
}

// Attempts are begun and end in any order, before, during and after open periods. A served attempt never opens the circuit; a
// closed one opens only for the documented reasons; 20 in a row over 10 s always open it.
func TestCircuitKeepsTheRuleInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var b Circuit
		var flying []Attempt
		var run []ended // attempts of this generation, in the order of ends
		now := epoch
		begin := func(*rapid.T) {
			b.Advance(now)
			flying = append(flying, b.Begin())
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": begin,
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
			},
			"others": func(t *rapid.T) { b.Advance(now) },
			"end": func(t *rapid.T) {
				if len(flying) == 0 {
					begin(t)
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "attempt")
				a := flying[i]
				flying = append(flying[:i], flying[i+1:]...)
				o := rapid.SampledFrom([]Outcome{Answered, Slow, NoService, NoService, NoService, NoService, NoService, NoService, NoService, TimedOut}).Draw(t, "outcome")
				if !b.Current(a) {
					return // callers do not record it
				}
				before, ramp := b.State, b.Ramp
				run = append(run, ended{now, o})
				moved := b.Record(a, o, 50, now, 0.5)
				checkMove(t, before, &b, o, ramp > 0, run, now)
				if moved {
					run = nil
				}
			},
			"20 in a row over 10 s": func(t *rapid.T) {
				for range 20 {
					if b.State != Closed {
						return
					}
					b.Record(b.Begin(), NoService, 50, now, 0.5)
					now = now.Add(time.Second)
				}
				if b.State != Open {
					t.Fatalf("the circuit is %s after 20 in a row over 19 s", b.State)
				}
				run = nil
			},
		})
	})
}

// checkMove checks the change of state that one attempt made.
func checkMove(t *rapid.T, before State, b *Circuit, o Outcome, ramping bool, run []ended, now time.Time) {
	if o.Served() && b.State != Closed {
		t.Fatalf("the circuit was %s and is %s after a served attempt", before, b.State)
	}
	if before != Closed || b.State != Open {
		return
	}
	row, hungs := 0, 0
	var since time.Time
	for i := len(run) - 1; i >= 0 && !run[i].outcome.Served(); i-- {
		row, since = row+1, run[i].at
	}
	for _, e := range run {
		if e.outcome == TimedOut {
			hungs++
		}
	}
	lasted := now.Sub(since)
	switch why := b.Reason; {
	case ramping && row >= failuresWhileRamping && why == "it failed again soon after it had recovered":
	case hungs >= timeoutsInARow: // the timeouts have tests of their own
	case row < noServiceInARow || lasted < noServiceFor:
		t.Fatalf("the circuit opened after %d in a row over %s: %s", row, lasted, why)
	case why != fmt.Sprintf("it has given no service for %s", lasted.Truncate(time.Second)):
		t.Fatalf("the reason after %s is %q", lasted, why)
	}
}
