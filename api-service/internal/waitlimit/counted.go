package waitlimit

import (
	"context"

	"redrive/pkg/webhook"
)

// Queue enqueues deliveries that have been committed.
type Queue interface {
	Enqueue(ctx context.Context, deliveries ...webhook.Delivery)
}

// Counted adds the deliveries that pass through a Queue to the counts of a Limiter.
type Counted struct {
	Queue
	Limiter *Limiter
}

// Enqueue counts deliveries and enqueues them.
func (c Counted) Enqueue(ctx context.Context, deliveries ...webhook.Delivery) {
	for i := 0; i < len(deliveries); { // the deliveries of one organization follow each other
		begin := i
		for i < len(deliveries) && deliveries[i].OrganizationID == deliveries[begin].OrganizationID {
			i++
		}
		c.Limiter.Added(deliveries[begin].OrganizationID, i-begin)
	}
	c.Queue.Enqueue(ctx, deliveries...)
}
