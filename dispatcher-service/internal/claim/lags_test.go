package claim

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/queue"
)

func TestLagsAreReportedWhileThereAreAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []map[string]time.Duration
		l := newLags()
		ctx, stop := context.WithCancel(t.Context())
		go l.run(ctx, func(_ context.Context, lags map[string]time.Duration) error {
			reports = append(reports, lags)
			return nil
		})
		for range 10 {
			l.note("org_a", 30*time.Millisecond)
			l.note("org_a", 20*time.Millisecond)
			l.note("org_b", time.Second)
			l.note("", time.Second) // a task that an operator made
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		stop()
		synctest.Wait()
		assert.Len(t, reports, 6, "every 25 ms, and an empty one at the end")
		assert.Equal(t, map[string]time.Duration{"org_a": 20 * time.Millisecond, "org_b": time.Second}, reports[1])
		assert.Empty(t, reports[len(reports)-1])
	})
}

// The lag of a delivery that waited for a receiver shows nothing about this machine.
func TestLagCountsWhileDispatcherIsBusy(t *testing.T) {
	c := newIdle(&pendingTasks{})
	begin := func(id string) {
		c.hold(queue.Taken{DeliveryID: id, Lane: laneOf("org_a", "ep_a", 0), Since: time.Now().Add(-time.Second)})
	}
	begin("dlv_first")
	c.Pause("dlv_first")
	assert.Empty(t, c.lags.take(), "an idle dispatcher is not behind")
	for i := range busyWork {
		begin(string(rune('a' + i)))
	}
	c.Pause("a")
	assert.Contains(t, c.lags.take(), "org_a")
}

func TestSummaryHasLargestReportedLag(t *testing.T) {
	c := newIdle(&pendingTasks{})
	summarized := func() time.Duration {
		var s queue.Summary
		c.Summarize(&s)
		return s.Dispatcher.Lag
	}
	assert.Zero(t, summarized())
	c.lags.note("org_a", 20*time.Millisecond)
	c.lags.note("org_b", 40*time.Millisecond+time.Microsecond)
	c.lags.take() // a report
	c.lags.note("org_b", 30*time.Millisecond)
	c.lags.take()
	assert.Equal(t, 40*time.Millisecond, summarized())
	assert.Zero(t, summarized(), "since the last summary")
}
