package claim

import (
	"context"
	"sync"
	"time"

	"redrive/pkg/lifecycle"
	"redrive/pkg/queue"
)

// reportInterval is the time between two reports of a busy dispatcher. It is short beside the delay of a publish that follows from them.
const reportInterval = 25 * time.Millisecond

// lags are how long deliveries waited for this dispatcher while it was busy, by organization. It reports them, so that the API can
// delay organizations that publish faster than they are delivered. It is safe for concurrent use.
type lags struct {
	noted chan struct{}

	mutex sync.Mutex
	least map[string]time.Duration // since the last report
	worst time.Duration            // the largest of all reports since the last call of takeWorst
}

func newLags() *lags {
	return &lags{noted: make(chan struct{}, 1), least: map[string]time.Duration{}}
}

// note adds a delivery that is being sent now. Of an organization the least lag counts: a delivery may have waited for its endpoint.
func (l *lags) note(organizationID string, lag time.Duration) {
	if organizationID == "" {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if least, known := l.least[organizationID]; !known || lag < least {
		l.least[organizationID] = max(lag, 0)
	}
	select {
	case l.noted <- struct{}{}:
	default:
	}
}

// take returns the lags since the last call.
func (l *lags) take() map[string]time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	select {
	case <-l.noted: // it is in what is taken
	default:
	}
	taken := l.least
	l.least = map[string]time.Duration{}
	for _, lag := range taken {
		l.worst = max(l.worst, lag)
	}
	return taken
}

// takeWorst returns the largest lag that was reported since the last call, in whole milliseconds.
func (l *lags) takeWorst() time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	worst := l.worst
	l.worst = 0
	return worst.Truncate(time.Millisecond)
}

// run reports until ctx ends: every reportInterval while there are lags, and an empty report after the last. A failed report is left out:
// the API ignores reports after 300 ms.
func (l *lags) run(ctx context.Context, report func(context.Context, map[string]time.Duration) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.noted:
		}
		for {
			lags := l.take()
			_ = report(ctx, lags)
			if lifecycle.Sleep(ctx, reportInterval) != nil {
				return
			}
			if len(lags) == 0 {
				break
			}
		}
	}
}

// Summarize adds to a summary how long deliveries waited for this dispatcher since the last summary. It is 0 unless the dispatcher was busy.
func (c *Claimer) Summarize(summary *queue.Summary) { summary.Dispatcher.Lag = c.lags.takeWorst() }
