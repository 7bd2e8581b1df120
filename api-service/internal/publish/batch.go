package publish

import (
	"context"

	"redrive/pkg/webhook"
)

// Result is what became of one event of a batch.
type Result struct {
	webhook.Publication
	Err error // of the domain: what is wrong with this event
}

// concerned lists the endpoints that a batch concerns. It has the time of one statement: the rest of the caller's time is for what
// has to be written.
func (p *Publisher) concerned(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return p.subscriptions.ListActiveEndpoints(ctx, organizationID)
}

// PublishAll publishes many events: what is right is kept, and what is wrong is told, each in its place. The error is that of a
// database that is away; what had been kept by then is published.
func (p *Publisher) PublishAll(ctx context.Context, organizationID string, specs []webhook.EventSpec) ([]Result, error) {
	endpoints, err := p.concerned(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(specs))
	var publications []webhook.Publication
	var places []int // of the publications among the results
	for i, spec := range specs {
		if results[i].Err = spec.Check(); results[i].Err == nil {
			publications = append(publications, publicationOf(organizationID, spec, endpoints))
			places = append(places, i)
		}
	}
	var deliveries []webhook.Delivery
	var away error
	for i, err := range p.store.CreateEvents(ctx, publications) {
		if err != nil {
			away = err // whatever the reason, it is not the event's author who could mend it
			continue
		}
		results[places[i]].Publication = publications[i]
		deliveries = append(deliveries, publications[i].Deliveries...)
	}
	p.queue.Enqueue(ctx, deliveries...)
	return results, away
}
