package explain

import (
	"slices"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Decide explains a delivery. It is pure.
func Decide(f Facts) Explanation {
	t := texts{f}
	var causes []Cause
	if f.Record.Delivery.Status.Waiting() {
		causes = t.waiting()
	} else {
		causes = t.ended()
	}
	slices.SortStableFunc(causes, func(a, b Cause) int { return slices.Index(Codes, a.Code) - slices.Index(Codes, b.Code) })
	first := causes[0]
	e := Explanation{
		Code: first.Code, Since: first.Since, Summary: first.Message + " " + first.next, Causes: causes, Next: f.next(), Endpoint: f.endpoint(),
		Task: queue.PresenceUnknown,
	}
	if f.Queue != nil {
		e.Task = f.Queue.Task
	}
	return e
}

// next returns the attempt that follows by itself.
func (f Facts) next() *NextAttempt {
	d := f.Record.Delivery
	if !d.Status.Waiting() || f.doomed() != "" {
		return nil
	}
	next := NextAttempt{At: f.dueAt(), Number: d.RetryCount + 1, Most: d.MaxRetries + 1}
	if d.Status == webhook.StatusRetrying {
		next.Number++
	}
	return &next
}

// doomed returns the code of a waiting delivery that ends when it is due, or "". Tests are sent to disabled endpoints too.
func (f Facts) doomed() Code {
	switch {
	case f.Endpoint == nil || !f.Endpoint.DeletedAt.IsZero():
		return EndpointDeleted
	case f.Endpoint.Status == webhook.EndpointDisabled && !f.Record.Delivery.Test:
		return EndpointDisabled
	}
	return ""
}

// endpoint describes the endpoint with what all dispatchers report.
func (f Facts) endpoint() EndpointView {
	view := EndpointView{ID: f.Record.Delivery.EndpointID, Circuit: queue.CircuitUnknown}
	if e := f.Endpoint; e != nil {
		view.Status, view.PausedAt, view.RateLimit = e.Status, e.PausedAt, e.RateLimit
	}
	if f.Queue == nil || len(f.Queue.Dispatchers) == 0 {
		return view
	}
	view.Known = true
	states := []queue.CircuitState{}
	for _, d := range f.Queue.Dispatchers {
		state, known := stateIn(d)
		view.Known = view.Known && known
		view.InFlight += state.InFlight
		view.Limit += state.Limit
		states = append(states, state.Circuit)
	}
	for _, worst := range []queue.CircuitState{queue.CircuitOpen, queue.CircuitHalfOpen, queue.CircuitUnknown, queue.CircuitClosed} {
		if slices.Contains(states, worst) {
			view.Circuit = worst
			break
		}
	}
	return view
}

// stateIn returns the endpoint's state in a dispatcher. It is not known if the dispatcher has left endpoints out of its summary.
func stateIn(d queue.DispatcherView) (state queue.EndpointState, known bool) {
	switch {
	case d.Endpoint != nil:
		return *d.Endpoint, true
	case d.Dispatcher.OmittedEndpoints > 0:
		return queue.EndpointState{Circuit: queue.CircuitUnknown}, false
	}
	return queue.EndpointState{Circuit: queue.CircuitClosed, Limit: d.Dispatcher.Limit, Full: d.Dispatcher.Limit == 0}, true
}
