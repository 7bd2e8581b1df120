package publish

import (
	"context"
	"errors"

	"redrive/pkg/webhook"
)

// Published is an event with its deliveries. It is a duplicate if a request before had the same idempotency key.
type Published struct {
	webhook.Publication
	Duplicate bool
}

// Result is the result of one event of a batch: what was published, or the error.
type Result struct {
	Published
	Err error // an error of the domain that says what is wrong with the event
}

// lookupEndpoints lists the active endpoints with the timeout of one statement. The rest of the caller's time is left for the commits.
func (p *Publisher) lookupEndpoints(ctx context.Context, organizationID string) ([]webhook.Endpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return p.activeEndpoints(ctx, organizationID)
}

// PublishAll publishes many events. It returns a result for each event, in the order of the specs. An invalid event does not affect
// the others. It returns an error if the database failed, or if the first request with one of the keys is in progress. The events that were
// committed before the failure are published.
func (p *Publisher) PublishAll(ctx context.Context, organizationID string, specs []webhook.EventSpec) ([]Result, error) {
	endpoints, err := p.lookupEndpoints(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	done, err := p.admission.Admit(ctx, organizationID, len(specs))
	if err != nil {
		return nil, err
	}
	defer done()
	results := make([]Result, len(specs))
	var publications []webhook.Publication
	var places []int // the indexes of the publications in results
	for i, spec := range specs {
		if results[i].Err = spec.Check(); results[i].Err == nil {
			publications = append(publications, publicationOf(organizationID, spec, endpoints))
			places = append(places, i)
		}
	}
	var deliveries []webhook.Delivery
	var failed error
	var taken []*Result
	for i, err := range p.create(ctx, publications) {
		result := &results[places[i]]
		result.Publication = publications[i]
		switch {
		case errors.Is(err, webhook.ErrIdempotencyKeyTaken):
			taken = append(taken, result)
		case err != nil:
			failed = err // the event is valid, so that its author cannot correct anything
		default:
			deliveries = append(deliveries, publications[i].Deliveries...)
		}
	}
	p.queue.Enqueue(ctx, deliveries...)
	if failed != nil {
		return results, failed
	}
	return results, p.settle(ctx, organizationID, taken)
}
