// Package minutes counts attempts by minute and result, for the operator's page. They are counted in memory and added once a second to what
// all dispatchers have counted in Redis. Nothing is sent if nothing was counted. Counts in memory die with the process.
package minutes

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

const (
	// interval is how often counts are added to Redis.
	interval = time.Second
	// timeout bounds one addition, so that the next is not late.
	timeout = time.Second
)

// Sink adds counts to those of all dispatchers. queue.MinuteCounter implements it.
type Sink interface {
	AddMinutes(ctx context.Context, now time.Time, counts map[webhook.Minute]map[string]int64) error
}

// Counter counts attempts. Count is safe for concurrent use; it holds a lock for the increment of one number.
type Counter struct {
	sink       Sink
	log        *slog.Logger
	failing    lifecycle.Streak
	background lifecycle.Background

	mutex  sync.Mutex
	counts counts
}

// counts are numbers of attempts by minute and result. There are few results, see webhook.ResultKeys.
type counts map[webhook.Minute]map[string]int64

// New makes a Counter that adds to the sink.
func New(sink Sink, log *slog.Logger) *Counter {
	return &Counter{sink: sink, log: log, counts: counts{}}
}

// Count counts an attempt in the minute in which it ended. Tests and superseded attempts must not be passed.
func (c *Counter) Count(attempt webhook.Attempt) {
	minute, result := webhook.MinuteOf(attempt.EndedAt()), attempt.ResultKey()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts.add(minute, result, 1)
}

// Start adds what was counted to the sink every second, until Stop is called.
func (c *Counter) Start() {
	c.background.Start(func(ctx context.Context) {
		for lifecycle.Sleep(ctx, interval) == nil {
			c.failing.Report(ctx, c.log, c.flush(ctx), "attempts not counted by minute", "attempts counted by minute again")
		}
	})
}

// Stop adds the rest to the sink. Call it after the last attempt was counted. It returns an error if ctx ends before the call to Redis in
// progress. It may be called before Start, and more than once.
func (c *Counter) Stop(ctx context.Context) error {
	if err := c.background.Stop(ctx); err != nil {
		return fmt.Errorf("wait for the counts of attempts to be added: %w", err)
	}
	if err := c.flush(ctx); err != nil {
		c.log.WarnContext(ctx, "last attempts not counted by minute", "error", err)
	}
	return nil
}

// flush adds what was counted to the sink. If that fails, it keeps the counts of the minutes that are shown. An addition whose answer was
// lost is then made twice.
func (c *Counter) flush(ctx context.Context) error {
	taken := c.take()
	if len(taken) == 0 {
		return nil
	}
	now := webhook.Now()
	taken.forget(now)
	bounded, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := c.sink.AddMinutes(bounded, now, taken)
	if err != nil {
		c.giveBack(taken)
	}
	return err
}

func (c *Counter) take() counts {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	taken := c.counts
	c.counts = counts{}
	return taken
}

func (c *Counter) giveBack(taken counts) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for minute, results := range taken {
		for result, count := range results {
			c.counts.add(minute, result, count)
		}
	}
}

func (c counts) add(minute webhook.Minute, result string, count int64) {
	if c[minute] == nil {
		c[minute] = map[string]int64{}
	}
	c[minute][result] += count
}

// forget removes the minutes that are too old to be kept. They occur during a long outage, or if attempts were recorded very late.
func (c counts) forget(now time.Time) {
	for minute := range c {
		if minute <= webhook.MinuteOf(now)-queue.MinutesKept {
			delete(c, minute)
		}
	}
}
