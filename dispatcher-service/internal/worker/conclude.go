package worker

import (
	"context"
	"time"

	"redrive/dispatcher-service/internal/deliver"
)

// conclude answers asynq. A delivery that is to run later, of an organization that has many tasks already, waits in the database: its
// task is removed, and dispatchers claim the delivery again when it is due. So the scheduled and retry tasks of an organization are
// bounded, whatever the reason. If this process lacks something, it claims nothing from the lane until then, which would otherwise be
// claimed and given back in a loop.
func (p *Pool) conclude(ctx context.Context, id, queue string, verdict deliver.Verdict) error {
	if verdict.Kind != deliver.KindRetry && verdict.Kind != deliver.KindSnooze || verdict.Stay {
		return answer(verdict)
	}
	lane, known := p.claimer.LaneOf(id)
	if !known {
		return answer(verdict)
	}
	keep, err := p.backlog.Defer(context.WithoutCancel(ctx), id, queue, lane)
	if p.undeferred.Began(err, time.Now()) {
		p.log.WarnContext(ctx, "task kept in the queue: its organization's share is unknown", "deliveryId", id, "error", err)
	}
	if keep {
		return answer(verdict)
	}
	p.deliverer.Forget(id)
	if verdict.Rest {
		p.claimer.Rest(lane, verdict.At)
	}
	return nil
}
