package webhook_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

// paced simulates a job for a time: each step begins at a look, which comes every interval, and handles what the pace allows. It returns
// how many deliveries were handled.
func paced(p webhook.Pace, interval, duration time.Duration) (handled int) {
	begin := p.At
	for now := begin; now.Sub(begin) < duration; now = now.Add(interval) {
		if now.Before(p.Due()) {
			continue
		}
		n := p.Allowed(now)
		handled += n
		p = p.After(n, now)
	}
	return handled
}

func TestPaceKeptWithinATenth(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, perSecond := range []int{1, 2, 3, 7, 50, 199, 200, 999, 2500, 5000} {
		for _, interval := range []time.Duration{time.Millisecond, 37 * time.Millisecond, 50 * time.Millisecond} {
			got := paced(webhook.Pace{PerSecond: perSecond, At: begin}, interval, time.Minute)
			assert.InEpsilon(t, 60*perSecond, got, 0.1, "%d/s, a look every %s", perSecond, interval)
			assert.LessOrEqual(t, got, 60*perSecond)
		}
	}
}

// A pause, such as that of a lease that expires, adds at most the deliveries of one second to the next step.
func TestPaceAfterPauseIsBounded(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := webhook.Pace{PerSecond: 200, At: begin}
	later := begin.Add(time.Hour)
	handled := 0
	for n := p.Allowed(later); n > 0; n = p.Allowed(later) {
		handled += n
		p = p.After(n, later)
	}
	assert.LessOrEqual(t, handled, 200)
	assert.Greater(t, handled, 150)
}

// What a step passes over does not count.
func TestPaceCountsWhatWasHandled(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := webhook.Pace{PerSecond: 10, At: begin}
	at := p.Due()
	assert.Equal(t, begin.Add(200*time.Millisecond), at)
	assert.Zero(t, p.Allowed(at.Add(-time.Millisecond*10)))
	assert.Equal(t, 2, p.Allowed(at))
	assert.False(t, p.After(0, at).Due().After(at), "the next step is due at once")
	assert.Equal(t, at.Add(200*time.Millisecond), p.After(2, at).Due())
}

func TestPaceWithoutLimit(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := webhook.Pace{At: now}
	assert.Equal(t, webhook.MaxBulkStep, p.Allowed(now))
	assert.Equal(t, now, p.After(webhook.MaxBulkStep, now).Due())
}

// The clock of the database may be set back.
func TestPaceClockSetBack(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := webhook.Pace{PerSecond: 100, Tokens: 5, At: now}
	back := p.After(0, now.Add(-time.Hour))
	assert.InDelta(t, 5, back.Tokens, 0.001)
	assert.Equal(t, now.Add(-time.Hour), back.At)
}
