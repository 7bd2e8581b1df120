package explain

import (
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// tolerance is how early a dispatcher may start an attempt, and how old a summary is at most while its dispatcher lives.
const tolerance = time.Second

// Facts are what is known about a delivery.
type Facts struct {
	webhook.Explained
	// Now is the time of the explanation, by the clock of this process.
	Now time.Time
	// Queue is what was read from Redis. It is nil if Redis cannot be read.
	Queue *queue.Situation
}

// due reports whether an attempt of a waiting delivery is due. A pending delivery is due even if the clock of its writer was ahead.
func (f Facts) due() bool {
	d := f.Record.Delivery
	return d.Status == webhook.StatusPending || !d.NextRetryAt.After(f.Now)
}

// dueAt is when the delivery was or will be due.
func (f Facts) dueAt() time.Time {
	d := f.Record.Delivery
	if d.Status == webhook.StatusPending && d.NextRetryAt.After(f.Now) {
		return f.Now
	}
	return d.NextRetryAt
}

// dispatchers are the dispatchers that take deliveries.
func (f Facts) dispatchers() []queue.DispatcherView {
	if f.Queue == nil {
		return nil
	}
	var taking []queue.DispatcherView
	for _, view := range f.Queue.Dispatchers {
		if !view.Dispatcher.Stopping {
			taking = append(taking, view)
		}
	}
	return taking
}

// longestHold returns for how long after it was due a circuit holds a delivery at most.
func (f Facts) longestHold() (longest time.Duration) {
	for _, d := range f.dispatchers() {
		longest = max(longest, d.Dispatcher.LongestHold)
	}
	return longest
}

// attempting returns when the attempt in flight began, or the zero time without one. A summary is up to a second old: an attempt that has
// been recorded meanwhile is not in flight any more. Its start and that of the summary go by the clock of the same dispatcher.
func (f Facts) attempting() time.Time {
	if f.Queue == nil {
		return time.Time{}
	}
	for _, view := range f.Queue.Dispatchers {
		if !view.Attempting.IsZero() && !f.recorded(view.Attempting) {
			return view.Attempting
		}
	}
	return time.Time{}
}

func (f Facts) recorded(began time.Time) bool {
	for _, attempt := range []*webhook.Attempt{f.Record.LastAttempt, f.Superseded} {
		if attempt != nil && !attempt.StartedAt.Before(began.Truncate(time.Microsecond)) {
			return true
		}
	}
	return false
}

// asleep reports whether the task of a delivery that is due was put off by a dispatcher.
func (f Facts) asleep() bool {
	sleeps := f.Queue.Task == queue.PresenceRetry || f.Queue.Task == queue.PresenceScheduled
	return sleeps && f.Queue.RunsAt.After(f.Now.Add(tolerance)) && f.Queue.RunsAt.After(f.dueAt().Add(tolerance))
}

// large reports whether the dispatcher loads the event's data apart from the delivery, within its memory budget.
func (f Facts) large() bool { return f.DataSize > webhook.MaxLoadedData }

// uncertain reports whether Redis must be read again, because a dispatcher may publish the missing fact within a second. There are three
// cases. No dispatcher has a summary, because Redis was just emptied. A worker has the task and no attempt is reported. The task was snoozed
// and no reason is reported.
func (f Facts) uncertain() bool {
	if f.Queue == nil || !f.Record.Delivery.Status.Waiting() {
		return false
	}
	if len(f.Queue.Dispatchers) == 0 || f.Queue.Task == queue.PresenceActive && f.attempting().IsZero() {
		return true
	}
	holds, _ := f.holds()
	return f.due() && f.asleep() && len(holds) == 0
}
