package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
)

// tally is the result of a load.
type tally struct {
	count     int
	elapsed   time.Duration
	latencies []time.Duration
}

func (t tally) rate() float64 { return report.Rate(t.count, t.elapsed) }

func (t tally) percentile(share float64) float64 {
	return report.Milliseconds(report.Percentile(t.latencies, share))
}

// closedLoop calls a function a number of times over a number of connections. Each connection continues when its last call has returned.
// The first error ends the loop.
func closedLoop(ctx context.Context, connections, count int, do func(ctx context.Context, connection, i int) error) (tally, error) {
	latencies := make([]time.Duration, count)
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for connection := range connections {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return nil
				}
				sent := time.Now()
				if err := do(ctx, connection, i); err != nil {
					return err
				}
				latencies[i] = time.Since(sent)
			}
		})
	}
	err := group.Wait()
	return tally{count: count, elapsed: time.Since(began), latencies: latencies}, err
}

// openCount returns the number of calls of an open loop.
func openCount(rate int, duration time.Duration) int {
	return int(duration / (time.Second / time.Duration(rate)))
}

// openLoop calls a function at a constant rate, independent of how long each call takes. It returns when all calls have returned, with the
// first error.
func openLoop(ctx context.Context, rate int, duration time.Duration, do func(ctx context.Context, i int, due time.Time) error) error {
	interval := time.Second / time.Duration(rate)
	count := openCount(rate, duration)
	var group sync.WaitGroup
	defer group.Wait()
	failed := make(chan error, count)
	began := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range count {
		due := began.Add(time.Duration(i) * interval)
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		group.Go(func() {
			if err := do(ctx, i, due); err != nil {
				failed <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
