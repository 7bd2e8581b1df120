package operations

import (
	"cmp"
	"slices"

	"redrive/pkg/queue"
)

// dispatchers returns what each dispatcher reports about itself.
func dispatchers(summaries []queue.NamedSummary) []Dispatcher {
	found := make([]Dispatcher, 0, len(summaries))
	for _, s := range summaries {
		d := Dispatcher{
			ID: s.Name, Host: s.Dispatcher.Host, InFlight: s.InFlight, Capacity: s.Dispatcher.Workers, Lag: s.Dispatcher.Lag,
			Stopping: s.Dispatcher.Stopping, Stalled: s.Dispatcher.Stalled,
		}
		for _, endpoint := range s.Endpoints {
			d.Held += endpoint.Held
		}
		found = append(found, d)
	}
	slices.SortFunc(found, func(a, b Dispatcher) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.ID, b.ID)) })
	return found
}

// circuits returns the circuits that are not closed, at most mostCircuits, and how many more there may be. A dispatcher reports endpoints
// with such a circuit before all others, so that only those beyond the size of a report are missing in it.
func circuits(summaries []queue.NamedSummary) (found []Circuit, omitted int) {
	for _, s := range summaries {
		reported := 0
		for id, endpoint := range s.Endpoints {
			if endpoint.Circuit != queue.CircuitOpen && endpoint.Circuit != queue.CircuitHalfOpen {
				continue
			}
			reported++
			found = append(found, Circuit{
				EndpointID: id, State: endpoint.Circuit, Since: endpoint.Since, Until: endpoint.Until, Reason: endpoint.Reason, Dispatcher: s.Name,
			})
		}
		if reported == len(s.Endpoints) { // otherwise all others are closed
			omitted += s.Dispatcher.OmittedEndpoints
		}
	}
	slices.SortFunc(found, func(a, b Circuit) int {
		return cmp.Or(b.Since.Compare(a.Since), cmp.Compare(a.EndpointID, b.EndpointID), cmp.Compare(a.Dispatcher, b.Dispatcher))
	})
	if excess := len(found) - mostCircuits; excess > 0 {
		found, omitted = found[:mostCircuits], omitted+excess
	}
	return found, omitted
}
