package nodes

import (
	"context"
	"errors"
	"time"

	"redrive/deploy/chaos/internal/audit"
	"redrive/deploy/chaos/internal/await"
	"redrive/pkg/lifecycle"
)

// measure is what was measured of one fault. The times count from since.
type measure struct {
	what string
	// lasted is how long the fault lasted, or the failover took.
	lasted time.Duration
	since  time.Time
	// accepted and sent are how long it took until an event was accepted, and until the last of the dispatchers had sent something.
	accepted, sent time.Duration
	// refused are answers of 503 with Retry-After, and broken are other errors, since the fault began. Errors is how long after since a
	// request began that ended in one.
	refused, broken int
	errors          time.Duration
	note            string
}

const (
	// settleLimit is how long Redrive may take to work again once what it needs is back. It takes a second or two, and the limit is for a machine
	// that has much else to do.
	settleLimit = 30 * time.Second
	// shortSettleLimit is the same for a run that is a test.
	shortSettleLimit = 2 * time.Minute
	// settlePatience is how long a drill waits for it.
	settlePatience = 5 * time.Minute
	// settleTime is how long the load goes on after that at least.
	settleTime = 5 * time.Second
)

// over records that a fault has ended, and waits until the nodes work again.
func (w *world) over(ctx context.Context, what string, since time.Time, faults ...audit.Fault) error {
	_, err := w.measure(ctx, measure{what: what, since: since}, faults...)
	return err
}

// measure does the same as over. It completes a measure that has what, since and perhaps a note, and returns it.
func (w *world) measure(ctx context.Context, m measure, faults ...audit.Fault) (measure, error) {
	began := m.since
	for _, f := range faults {
		w.Fault(f)
		if f.Began.Before(began) {
			began = f.Began
		}
	}
	var silent []string
	err := await.Until(ctx, settlePatience, func() (bool, error) {
		m.sent, silent = w.allSent(m.since)
		return w.load.AcceptedAfter(m.since) && len(silent) == 0, nil
	})
	switch {
	case errors.Is(err, await.ErrPatience):
		w.Problem("%s: %s later, events are accepted: %t; nothing was sent by: %v", m.what, settlePatience, w.load.AcceptedAfter(m.since), silent)
	case err != nil:
		return measure{}, err
	}
	if err := lifecycle.Sleep(ctx, settleTime); err != nil {
		return measure{}, err
	}
	m.lasted = m.since.Sub(began)
	m.accepted = w.answers.success(m.since)
	var last time.Time
	m.refused, m.broken, last = w.answers.errors(began)
	m.errors = max(0, last.Sub(m.since))
	limit := settleLimit
	if w.short {
		limit = shortSettleLimit
	}
	if m.sent > limit || m.accepted > limit || m.errors > limit {
		w.Problem("%s: accepted after %s, sent by all after %s, errors for %s, and not within %s", m.what,
			seconds(m.accepted), seconds(m.sent), seconds(m.errors), limit)
	}
	w.mutex.Lock()
	w.measures = append(w.measures, m)
	w.mutex.Unlock()
	w.say("%s: took %s s, accepted after %s s, sent by all after %s s, %d refused and %d broken requests", m.what,
		seconds(m.lasted), seconds(m.accepted), seconds(m.sent), m.refused, m.broken)
	return m, nil
}

// allSent is how long after a time it took until the last dispatcher had sent something, and the dispatchers that have sent nothing.
func (w *world) allSent(since time.Time) (longest time.Duration, silent []string) {
	first := map[int]time.Time{}
	for _, r := range w.receiver.Requests() {
		if _, seen := first[r.Dispatcher]; !seen && r.Arrived.After(since) {
			first[r.Dispatcher] = r.Arrived
		}
	}
	for i, n := range w.dispatchers {
		at, sent := first[i]
		if !sent {
			silent = append(silent, n.role)
			continue
		}
		longest = max(longest, at.Sub(since))
	}
	return longest, silent
}

// sentBetween is how many requests of a dispatcher arrived between two times, and when the last of them did.
func (w *world) sentBetween(dispatcher int, from, to time.Time) (count int, last time.Time) {
	for _, r := range w.receiver.Requests() {
		if r.Dispatcher == dispatcher && r.Arrived.After(from) && r.Arrived.Before(to) {
			count, last = count+1, r.Arrived
		}
	}
	return count, last
}
