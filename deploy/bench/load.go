package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"redrive/deploy/bench/report"
)

// tally is what a load came to.
type tally struct {
	count     int
	elapsed   time.Duration
	latencies []time.Duration
}

func (t tally) rate() float64 { return report.Rate(t.count, t.elapsed) }

func (t tally) percentile(share float64) float64 {
	return report.Milliseconds(report.Percentile(t.latencies, share))
}

// closedLoop does something so many times over a number of connections: each goes on as soon as it is done with the last. The
// first error ends it.
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

// openCount is how many times an open loop does something.
func openCount(rate int, duration time.Duration) int {
	return int(duration / (time.Second / time.Duration(rate)))
}

// openLoop does something at a constant rate, however long each takes. It returns when all are done, with the first error.
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
