package load

import "strings"

// answer is the answer to a publication.
type answer interface{ ids() []string }

// published is one event with its deliveries.
type published struct{ Deliveries []struct{ ID string } }

func (p published) ids() []string {
	ids := make([]string, len(p.Deliveries))
	for i, d := range p.Deliveries {
		ids[i] = d.ID
	}
	return ids
}

// batch is the answer to several events.
type batch struct{ Results []published }

func (b batch) ids() (ids []string) {
	for _, result := range b.Results {
		ids = append(ids, result.ids()...)
	}
	return ids
}

// request returns the body that an organization publishes in one request, and the value that its answer is decoded into.
func (l *Load) request(o Organization) (path, body string, read func() answer) {
	if !o.Floods() {
		return "/events", l.event(), func() answer { return new(published) }
	}
	events := make([]string, o.Burst)
	for i := range events {
		events[i] = l.event()
	}
	return "/events/batch", `{"events":[` + strings.Join(events, ",") + `]}`, func() answer { return new(batch) }
}
