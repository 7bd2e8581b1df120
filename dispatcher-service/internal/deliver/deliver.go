package deliver

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/pkg/profile"
	"redrive/pkg/webhook"
)

// Sender makes one attempt and returns its result. Its error means that no attempt was made, because this process lacked a
// resource.
type Sender interface {
	Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error)
}

// Deliverer is safe for concurrent use.
type Deliverer struct {
	options  Options
	groups   groups
	bodies   *bodies
	inFlight inFlight
	metrics  metrics
	outage   *outage
	shortage *shortage
	// abandoned is closed when outcomes are no longer kept.
	abandoned chan struct{}
	drain     sync.Once
	abandon   sync.Once
}

// New makes a Deliverer and registers its metrics.
func New(options Options, registry prometheus.Registerer) *Deliverer {
	o := options.withDefaults()
	return &Deliverer{
		options: o, groups: newGroups(o.Store, o.DatabaseTimeout, o.Log, registry), bodies: newBodies(o), metrics: newMetrics(registry),
		outage: newOutage(o, registry), shortage: newShortage(o.Log, registry), abandoned: make(chan struct{}),
	}
}

// inFlightSnooze is the snooze of a delivery that this process is sending already.
const inFlightSnooze = 5 * time.Second

// Deliver makes one attempt of the delivery if one is due, and returns the verdict for its task. An error means that the
// database was unavailable or the attempt is not on record: the task has to run again soon. An exchange that has begun is
// finished and recorded even if ctx ends.
func (d *Deliverer) Deliver(ctx context.Context, id, queue string) (Verdict, error) {
	if !d.inFlight.begin(id) {
		return stay(time.Now().Add(inFlightSnooze), "it is being sent at this moment"), nil
	}
	defer d.inFlight.end(id)

	profile.Load.Begin()
	if err := d.outage.wait(ctx); err != nil {
		return Verdict{}, err
	}
	dispatch, err := d.load(ctx, id)
	d.outage.observe(ctx, err)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return Done(), nil // purged
	case err != nil:
		return Verdict{}, err
	}
	if verdict, send, err := d.guard(ctx, dispatch, queue); !send {
		d.options.Gate.Forget(id) // a slot may be reserved for it
		return verdict, err
	}
	d.options.Progress.Pause(id)
	permit, deferral := d.options.Gate.Acquire(ctx, requestOf(dispatch, queue))
	d.options.Progress.Entered(id)
	if permit == nil {
		d.options.Progress.Resume(id)
		return Snooze(deferral.Until, deferral.Reason), nil
	}
	defer permit.Release() // no effect after the attempt
	if dispatch.Omitted > 0 {
		return d.attemptLarge(ctx, dispatch, permit, queue)
	}
	return d.attempt(ctx, dispatch, permit)
}

// requestOf asks for a slot for the delivery.
func requestOf(dispatch webhook.Dispatch, queue string) bulkhead.Request {
	return bulkhead.Request{
		EndpointID: dispatch.Endpoint.ID, DeliveryID: dispatch.Delivery.ID, Queue: queue, DueAt: dueAt(dispatch.Delivery, webhook.Now()),
		RateLimit: dispatch.Endpoint.RateLimit, Test: dispatch.Delivery.Test,
	}
}

// attempt sends, decides and records. An attempt that was made and is not on record counts as an orphan.
func (d *Deliverer) attempt(ctx context.Context, dispatch webhook.Dispatch, permit *bulkhead.Permit) (Verdict, error) {
	switch { // both may have changed since the load
	case d.outage.isDraining():
		d.options.Progress.Resume(dispatch.Delivery.ID)
		return stay(time.Now(), "its dispatcher is stopping: another one delivers it"), nil
	case d.outage.resolved() != nil:
		d.options.Progress.Resume(dispatch.Delivery.ID)
		return Verdict{}, errUnavailable
	}
	dispatch, verdict, send, err := d.freshen(ctx, dispatch)
	if !send {
		d.options.Progress.Resume(dispatch.Delivery.ID)
		return verdict, err
	}
	panicked := true // asynq recovers the panic and runs the task again
	defer func() {
		if panicked {
			_, _ = d.unrecorded(ctx, dispatch.Delivery.ID, errPanicked)
		}
	}()
	d.inFlight.attempting(dispatch.Delivery.ID)
	result, err := d.options.Sender.Send(ctx, dispatch)
	d.options.Progress.Resume(dispatch.Delivery.ID)
	if err != nil {
		panicked = false
		return rest(time.Now().Add(d.shortage.observe(ctx, err)), "no attempt was made: this dispatcher has run out of resources"), nil
	}
	if !dispatch.Delivery.Test { // the deferred Release returns the slot of a test: it counts in no circuit
		permit.Complete(result)
	}
	outcome, current, err := d.record(ctx, dispatch, result)
	panicked = false
	if err != nil {
		return d.unrecorded(ctx, dispatch.Delivery.ID, err)
	}
	superseded := current.LastAttemptID != outcome.Attempt.ID
	d.report(ctx, dispatch, outcome, superseded)
	if superseded {
		return d.settled(ctx, current)
	}
	return verdictOf(current, outcome.Attempt.ErrorMessage), nil
}
