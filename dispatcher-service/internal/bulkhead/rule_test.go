package bulkhead

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"redrive/pkg/webhook"
)

func status(code int) webhook.Result {
	return webhook.Result{ResponseStatus: code, Duration: time.Millisecond}
}

// The first of 25 attempts is answered last, after the others have found no service.
func TestCircuitLateAnswerOpensNothing(t *testing.T) {
	inBubble(t, Options{}, func(b *bench) {
		late := b.in(b.visit("ep_a"))
		for range 24 {
			b.attempt("ep_a", status(http.StatusServiceUnavailable))
		}
		time.Sleep(3 * time.Second)
		late.Complete(quickly(3 * time.Second))
		require.Equal(t, Closed, b.state("ep_a").State)

		time.Sleep(9 * time.Second)
		b.attempt("ep_a", status(http.StatusServiceUnavailable))
		require.Equal(t, Closed, b.state("ep_a").State, "the answer began the row anew")
		for range 18 {
			time.Sleep(time.Second)
			b.attempt("ep_a", status(http.StatusServiceUnavailable))
		}
		require.Equal(t, Closed, b.state("ep_a").State, "19 since the answer")
		time.Sleep(time.Second)
		b.attempt("ep_a", status(http.StatusServiceUnavailable))
		require.Equal(t, Open, b.state("ep_a").State)
		assert.Equal(t, "it has given no service for 19s", b.state("ep_a").Reason)
	})
}

// Each status by itself, 64 times over 64 s.
func TestCircuitStatusesThatOpenIt(t *testing.T) {
	t.Parallel()
	opens := map[int]bool{0: true, 429: true, 502: true, 503: true, 504: true}
	for code := range 1000 {
		if code > 0 && code < 100 {
			continue
		}
		c := circuit{now: epoch}
		for range 64 {
			c.now = c.now.Add(time.Second)
			c.attempt(outcomeOf(status(code), defaultTimeout))
		}
		require.Equal(t, opens[code], c.reopened > 0, code)
		if opens[code] {
			continue
		}
		for range 64 { // and as late as a timeout
			c.now = c.now.Add(time.Second)
			c.attempt(outcomeOf(webhook.Result{ResponseStatus: code, Duration: defaultTimeout}, defaultTimeout))
		}
		require.Equal(t, Closed, c.state, code)
		require.False(t, c.well(), "it has a smaller share")
	}
}

// A slow answer to a probe is an answer.
func TestCircuitSlowProbeClosesIt(t *testing.T) {
	t.Parallel()
	c := circuit{now: epoch}
	c.attempts(5, hung)
	c.now = c.until
	require.True(t, c.attempt(slow))
	assert.Equal(t, Closed, c.state)
}

func TestCircuitReasonShowsTrueDuration(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{600 * time.Millisecond, 1900 * time.Millisecond, time.Minute, 26 * time.Hour} {
		c := circuit{now: epoch}
		for c.state == Closed {
			c.attempt(noService)
			c.now = c.now.Add(step)
		}
		lasted := 19 * step // from the first of 20 to the last
		assert.Equal(t, fmt.Sprintf("it has given no service for %s", lasted.Truncate(time.Second)), c.why)
	}
}

// ended is an attempt that has ended, in the order of ends.
type ended struct {
	at      time.Time
	outcome outcome
}

// Attempts are begun and end in any order, before, during and after open periods. A served attempt never opens the circuit; a
// closed one opens only for the documented reasons; 20 in a row over 10 s always open it.
func TestCircuitKeepsTheRuleInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type attempt struct {
			number, generation uint64
			probe              bool
		}
		var b breaker
		var flying []attempt
		var run []ended // attempts of this generation, in the order of ends
		now := epoch
		begin := func(*rapid.T) {
			b.advance(now)
			flying = append(flying, attempt{b.history.begin(), b.generation, b.state == HalfOpen})
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": begin,
			"wait": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
			},
			"others": func(t *rapid.T) { b.advance(now) },
			"end": func(t *rapid.T) {
				if len(flying) == 0 {
					begin(t)
				}
				i := rapid.IntRange(0, len(flying)-1).Draw(t, "attempt")
				a := flying[i]
				flying = append(flying[:i], flying[i+1:]...)
				o := rapid.SampledFrom([]outcome{answered, slow, noService, noService, noService, noService, noService, noService, noService, hung}).Draw(t, "outcome")
				if a.generation != b.generation {
					return // Complete does not record it
				}
				before, ramp := b.state, b.ramp
				run = append(run, ended{now, o})
				moved := b.record(a.number, o, a.probe, 50, now, 0.5)
				checkMove(t, before, &b, o, ramp > 0, run, now)
				if moved {
					run = nil
				}
			},
			"20 in a row over 10 s": func(t *rapid.T) {
				for range 20 {
					if b.state != Closed {
						return
					}
					b.record(b.history.begin(), noService, false, 50, now, 0.5)
					now = now.Add(time.Second)
				}
				if b.state != Open {
					t.Fatalf("the circuit is %s after 20 in a row over 19 s", b.state)
				}
				run = nil
			},
		})
	})
}

// checkMove checks the change of state that one attempt made.
func checkMove(t *rapid.T, before State, b *breaker, o outcome, ramping bool, run []ended, now time.Time) {
	if o.served() && b.state != Closed {
		t.Fatalf("the circuit was %s and is %s after a served attempt", before, b.state)
	}
	if before != Closed || b.state != Open {
		return
	}
	row, hungs := 0, 0
	var since time.Time
	for i := len(run) - 1; i >= 0 && !run[i].outcome.served(); i-- {
		row, since = row+1, run[i].at
	}
	for _, e := range run {
		if e.outcome == hung {
			hungs++
		}
	}
	lasted := now.Sub(since)
	switch why := b.why; {
	case ramping && row >= badWhileRamping && why == "it failed again soon after it had recovered":
	case hungs >= hungInARow: // the timeouts have tests of their own
	case row < noServiceInARow || lasted < noServiceFor:
		t.Fatalf("the circuit opened after %d in a row over %s: %s", row, lasted, why)
	case why != fmt.Sprintf("it has given no service for %s", lasted.Truncate(time.Second)):
		t.Fatalf("the reason after %s is %q", lasted, why)
	}
}
