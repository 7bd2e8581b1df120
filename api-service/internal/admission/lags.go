package admission

import (
	"context"
	"sync"
	"time"
)

const (
	// readInterval is how old what was read may be: dispatchers report as often.
	readInterval = 25 * time.Millisecond
	// validFor is when what was read counts no longer, since Redis does not answer.
	validFor    = 300 * time.Millisecond
	readTimeout = 250 * time.Millisecond
)

// lags caches what dispatchers report. It reads in the background and only when it is asked, so that an idle service sends nothing to
// Redis and no publish waits for Redis. It is safe for concurrent use.
type lags struct {
	reports Reports
	reads   sync.WaitGroup

	mutex   sync.Mutex
	read    map[string]time.Duration
	readAt  time.Time
	began   time.Time // when the last read began
	reading bool
	closed  bool
}

// of returns the lag of an organization as far as it is known.
func (l *lags) of(organizationID string) time.Duration {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	now := time.Now()
	if !l.reading && !l.closed && now.Sub(l.began) >= readInterval {
		l.reading, l.began = true, now
		l.reads.Go(l.refresh)
	}
	if now.Sub(l.readAt) > validFor {
		return 0
	}
	return l.read[organizationID]
}

func (l *lags) refresh() {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	read, err := l.reports.ReadLags(ctx)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.reading = false
	if err == nil {
		l.read, l.readAt = read, time.Now()
	}
}

// close waits for the read in progress and begins no more.
func (l *lags) close() {
	l.mutex.Lock()
	l.closed = true
	l.mutex.Unlock()
	l.reads.Wait()
}
