package explain

import (
	"slices"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// hold is why one dispatcher does not attempt a delivery that is due.
type hold struct {
	code  Code
	state queue.EndpointState
}

// holds returns why dispatchers do not attempt a delivery that is due, one hold for each code. Any dispatcher may attempt the delivery: it
// is held if all of them hold it, or if one of them has put its task off. known is false if a dispatcher has not reported the endpoint.
func (f Facts) holds() (holds []hold, known bool) {
	known, all := true, true
	for _, d := range f.dispatchers() {
		state, reported := stateIn(d)
		known = known && reported
		found := f.holdsIn(d, state)
		all = all && len(found) > 0
		for _, code := range found {
			if !slices.ContainsFunc(holds, func(h hold) bool { return h.code == code }) {
				holds = append(holds, hold{code, state})
			}
		}
	}
	if !all && !f.asleep() {
		return nil, known
	}
	return holds, known
}

// holdsIn returns the codes that apply in one dispatcher.
func (f Facts) holdsIn(d queue.DispatcherView, state queue.EndpointState) (codes []Code) {
	overdue := f.Now.Sub(f.dueAt()) >= d.Dispatcher.LongestHold || f.Record.Delivery.Test
	switch {
	case state.Circuit == queue.CircuitOpen && !overdue,
		state.Circuit == queue.CircuitHalfOpen && state.Probing && !overdue,
		state.Circuit == queue.CircuitClosed && state.Probing:
		codes = append(codes, HeldCircuit)
	}
	if !state.LimitedUntil.IsZero() {
		codes = append(codes, HeldRate)
	}
	if state.Full {
		codes = append(codes, HeldConcurrency)
	}
	if f.large() && d.Organization != nil && !d.Organization.WithoutMemory.IsZero() {
		codes = append(codes, HeldMemory)
	}
	return codes
}

// stalled returns why no dispatcher starts attempts, or "" if one does.
func (f Facts) stalled() string {
	reason := ""
	for _, d := range f.dispatchers() {
		if reason = d.Dispatcher.Stalled; reason == "" {
			return ""
		}
	}
	return reason
}

// waiting returns the causes of a waiting delivery.
func (t texts) waiting() (causes []Cause) {
	add := func(applies bool, cause func() Cause) {
		if applies {
			causes = append(causes, cause())
		}
	}
	doomed := t.doomed()
	paused := doomed == "" && t.Endpoint.Holds(t.Record.Delivery)
	add(doomed == EndpointDisabled, t.willEndDisabled)
	add(doomed == EndpointDeleted, t.willEndDeleted)
	add(!t.attempting().IsZero(), t.sending)
	add(paused, t.paused)
	add(!t.due() && doomed == "", t.scheduled)
	if t.Queue == nil {
		return append(causes, t.queueUnavailable())
	}
	add(len(t.dispatchers()) == 0, t.noDispatcher)
	add(t.Queue.Paused, t.queuePaused)
	if t.due() && doomed == "" && !paused && len(t.dispatchers()) > 0 && t.attempting().IsZero() {
		causes = append(causes, t.inQueue(len(causes) > 0)...)
	}
	return causes
}

// inQueue returns the causes of a delivery that is due and that dispatchers may attempt. blocked means that another cause applies, so that
// the delivery is not about to be attempted.
func (t texts) inQueue(blocked bool) (causes []Cause) {
	holds, known := t.holds()
	for _, h := range holds {
		causes = append(causes, t.held(h))
	}
	if t.Queue.InBacklog {
		causes = append(causes, t.heldShare())
	}
	stalled := t.stalled()
	switch {
	case len(causes) > 0 || blocked:
		return causes
	case stalled != "":
		return []Cause{t.unknown("no dispatcher starts attempts at the moment, because "+stalled, time.Time{})}
	case t.Queue.Task == queue.PresenceActive:
		return []Cause{t.unknown("a dispatcher has taken it, and has not reported an attempt within a second, or has stopped", time.Time{})}
	case !known:
		return []Cause{t.unknown("a dispatcher has more endpoints with waiting deliveries than it reports, and has left this one out", time.Time{})}
	case t.asleep():
		return []Cause{t.unknown("a dispatcher has put it off until "+clock(t.Queue.RunsAt)+", for a reason that no dispatcher reports any more", t.Queue.RunsAt)}
	case t.Queue.Task == queue.PresencePending:
		return []Cause{t.queued()}
	}
	return []Cause{t.withoutTask()}
}

// ended returns the causes of a delivery that has ended.
func (t texts) ended() []Cause {
	if t.Record.Delivery.Status == webhook.StatusSuccess {
		return []Cause{t.delivered()}
	}
	reason := t.Record.RecordedReason()
	causes := []Cause{t.endedBy(reason)}
	if t.Superseded != nil {
		causes = append(causes, t.superseded(causes[0].Code))
	}
	if reason.AfterAttempt() || t.attempting().IsZero() {
		return causes
	}
	return append(causes, t.sending())
}
