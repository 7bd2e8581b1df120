// Package deliver is the dispatcher's one use case: load a delivery, see whether it may be sent now, send it, decide what
// follows, and record it. Only when the record is committed does the queue get its verdict.
//
//	load → guard → enter → send → decide → record → verdict
package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"redrive/dispatcher-service/internal/bulkhead"
	"redrive/pkg/tracing"
	"redrive/pkg/webhook"
)

// Store is the database, one delivery at a time.
type Store interface {
	Ping(ctx context.Context) error
	LoadDispatch(ctx context.Context, id string) (webhook.Dispatch, error)
	RecordOutcome(ctx context.Context, o webhook.Outcome) (webhook.Delivery, error)
	FailDelivery(ctx context.Context, failed webhook.Delivery) (webhook.Delivery, error)
	FindDelivery(ctx context.Context, organizationID, id string) (webhook.Record, error)
	CountOrphan(ctx context.Context, id string) (webhook.Delivery, error)
}

// Sender makes one attempt and returns its result. Its error means that no attempt was made, for lack of resources of this
// process.
type Sender interface {
	Send(ctx context.Context, d webhook.Dispatch) (webhook.Result, error)
}

// Deliverer is safe for concurrent use.
type Deliverer struct {
	store    Store
	sender   Sender
	gate     *bulkhead.Bulkheads
	policy   webhook.Policy
	log      *slog.Logger
	inFlight inFlight
	metrics  metrics
	database *outage
	shortage *shortage
	patience time.Duration // with an outcome that the database refuses although it is there
	// abandoned is closed when outcomes are kept no longer.
	abandoned chan struct{}
	drain     sync.Once
	abandon   sync.Once
}

// New makes a Deliverer and registers its metrics.
func New(store Store, sender Sender, gate *bulkhead.Bulkheads, policy webhook.Policy, log *slog.Logger, registry prometheus.Registerer) *Deliverer {
	d := &Deliverer{
		store: bounded{store}, sender: sender, gate: gate, policy: policy, log: log, metrics: newMetrics(registry),
		database: newOutage(bounded{store}.Ping, log), shortage: newShortage(log, registry), abandoned: make(chan struct{}),
		patience: refusalPatience,
	}
	registry.MustRegister(d.database.gauge)
	return d
}

// GiveUpRefused sets how long an outcome is kept that the database refuses although it is there. It is called before Deliver is.
func (d *Deliverer) GiveUpRefused(after time.Duration) { d.patience = after }

// Drain is the beginning of a stop: no attempt is begun any more, for one could outlast the stop, and its task be handed on
// under it. A delivery that has been loaded, or waits for the database, is handed back instead.
func (d *Deliverer) Drain() { d.drain.Do(func() { close(d.database.draining) }) }

// CheckResources returns an error while attempts are put off for lack of resources of this process.
func (d *Deliverer) CheckResources(ctx context.Context) error { return d.shortage.check(ctx) }

// Abandon is the end of a stop: an outcome that the database has not taken by now is given up, and its attempt will be made
// again by another process.
func (d *Deliverer) Abandon() {
	d.abandon.Do(func() {
		close(d.abandoned)
		d.shortage.stop()
	})
}

// errAway hands a task back for a moment.
var errAway = errors.New("the database is away: the delivery is tried again shortly")

const (
	// tolerance is how early a task may start: the queue keeps whole seconds.
	tolerance = time.Second
	// inFlightSnooze is when to look again at a delivery that this process is sending at this moment.
	inFlightSnooze = 5 * time.Second
)

// Deliver makes one attempt of the delivery, if there is one to be made, and says what the queue is to do with its task. An
// error means that the database could not be asked: the task should come back soon.
func (d *Deliverer) Deliver(ctx context.Context, id, queue string) (Verdict, error) {
	if !d.inFlight.begin(id) {
		return Snooze(time.Now().Add(inFlightSnooze), "it is being sent at this moment"), nil
	}
	defer d.inFlight.end(id)

	if err := d.database.wait(ctx); err != nil {
		return Verdict{}, err
	}
	dispatch, err := d.load(ctx, id)
	d.database.noticed(ctx, err)
	switch {
	case webhook.CodeOf(err) == webhook.CodeNotFound:
		return Done(), nil // purged
	case err != nil:
		return Verdict{}, err
	}
	if verdict, send, err := d.guard(ctx, dispatch, queue); !send {
		d.gate.Forget(id) // a place may be kept for it
		return verdict, err
	}
	permit, deferral := d.gate.Enter(ctx, bulkhead.Visit{
		EndpointID: dispatch.Endpoint.ID, DeliveryID: id, Queue: queue, DueAt: dueAt(dispatch.Delivery, webhook.Now()),
		RateLimit: dispatch.Endpoint.RateLimit,
	})
	if permit == nil {
		return Snooze(deferral.Until, deferral.Reason), nil
	}
	defer permit.Abandon() // nothing, once the attempt was made
	switch {
	case d.database.drains(): // since it was loaded, and so below
		return Snooze(time.Now(), "its dispatcher is stopping: another takes it over"), nil
	case d.database.away() != nil:
		return Verdict{}, errAway
	}
	return d.attempt(ctx, dispatch, permit)
}

// load is part of the delivery's trace, although the statement is shared with others.
func (d *Deliverer) load(ctx context.Context, id string) (dispatch webhook.Dispatch, err error) {
	ctx, span := tracing.Child(ctx, "load", trace.SpanKindClient)
	defer func() { tracing.End(span, err) }()
	return d.store.LoadDispatch(ctx, id)
}

// guard says whether the delivery is to be sent now, or else what becomes of the task.
func (d *Deliverer) guard(ctx context.Context, dispatch webhook.Dispatch, queue string) (verdict Verdict, send bool, err error) {
	delivery, now := dispatch.Delivery, webhook.Now()
	early := dueAt(delivery, now).Sub(now)
	switch {
	case delivery.Queue != queue:
		return Done(), false, nil // left over from before the delivery changed its queue
	case !delivery.Status.Waiting():
		verdict, err = d.alreadyEnded(ctx, delivery)
		return verdict, false, err
	case early > tolerance:
		return Snooze(delivery.NextRetryAt, "it is not due yet"), false, nil
	case early > 0:
		if err := sleep(ctx, early); err != nil {
			return Verdict{}, false, err
		}
	}
	if reason := unsendable(dispatch); reason != "" {
		verdict, err = d.endUnsent(ctx, delivery, reason)
		return verdict, false, err
	}
	return Verdict{}, true, nil
}

// dueAt is when the delivery is due. A pending one is due now at the latest, whatever the clock of who wrote it says.
func dueAt(delivery webhook.Delivery, now time.Time) time.Time {
	if delivery.Status == webhook.StatusPending && delivery.NextRetryAt.After(now) {
		return now
	}
	return delivery.NextRetryAt
}

// unsendable is why a delivery that is due ends without a further attempt.
func unsendable(dispatch webhook.Dispatch) webhook.FailureReason {
	switch {
	case dispatch.Missing != "":
		return dispatch.Missing
	case dispatch.Endpoint.Status == webhook.EndpointDisabled:
		return webhook.FailureEndpointDisabled
	case dispatch.Delivery.OrphanCount >= webhook.MaxOrphans: // whoever counted the last one could not write the end
		return webhook.FailureOrphaned
	}
	return ""
}

// attempt sends, decides and records, and sees to it that an attempt without an outcome counts as an orphan.
func (d *Deliverer) attempt(ctx context.Context, dispatch webhook.Dispatch, permit *bulkhead.Permit) (Verdict, error) {
	panicked := true // asynq recovers, and runs the task again
	defer func() {
		if panicked {
			_, _ = d.unrecorded(ctx, dispatch.Delivery.ID, errPanicked)
		}
	}()
	outcome, current, err := d.exchange(ctx, dispatch, permit)
	panicked = false
	var unmade *notMadeError
	if errors.As(err, &unmade) {
		return Snooze(time.Now().Add(d.shortage.noticed(ctx, unmade.cause)), "no attempt was made: this dispatcher has run out of resources"), nil
	}
	if err != nil {
		return d.unrecorded(ctx, dispatch.Delivery.ID, err)
	}
	superseded := current.LastAttemptID != outcome.Attempt.ID
	d.observe(ctx, dispatch, outcome, superseded)
	if superseded {
		return d.settled(ctx, current)
	}
	return verdictOf(current, outcome.Attempt.ErrorMessage), nil
}

// exchange returns the outcome of an attempt, once it is on record, and the delivery as it is then. The context may end
// meanwhile, and nothing is cut short by that: what a receiver has seen goes on record.
func (d *Deliverer) exchange(ctx context.Context, dispatch webhook.Dispatch, permit *bulkhead.Permit) (outcome webhook.Outcome, current webhook.Delivery, err error) {
	result, err := d.sender.Send(ctx, dispatch)
	if err != nil {
		return outcome, current, &notMadeError{err}
	}
	permit.Leave(result)
	if outcome, err = d.policy.Decide(dispatch.Delivery, result, webhook.Now()); err != nil {
		return outcome, current, err
	}
	outcome.EndpointUpdatedAt = dispatch.Endpoint.UpdatedAt
	current, err = d.record(ctx, outcome)
	return outcome, current, err
}

// endUnsent ends a delivery without an attempt.
func (d *Deliverer) endUnsent(ctx context.Context, delivery webhook.Delivery, reason webhook.FailureReason) (Verdict, error) {
	current, err := d.fail(ctx, delivery, reason)
	if err != nil {
		return Verdict{}, err
	}
	return d.settled(ctx, current)
}

// fail writes the end and returns the row as it is then.
func (d *Deliverer) fail(ctx context.Context, delivery webhook.Delivery, reason webhook.FailureReason) (webhook.Delivery, error) {
	failed, err := delivery.Failed(reason, webhook.Now())
	if err != nil {
		return webhook.Delivery{}, err
	}
	current, err := d.store.FailDelivery(ctx, failed)
	if err != nil {
		return webhook.Delivery{}, err
	}
	if current.Revision == failed.Revision { // and not another run's doing
		d.metrics.ended[reason].Inc()
	}
	d.log.InfoContext(ctx, "delivery ended without an attempt", "deliveryId", delivery.ID, "endpointId", delivery.EndpointID,
		"organizationId", delivery.OrganizationID, "reason", string(reason))
	return current, nil
}

// settled is the verdict on a delivery that this run did not move: the row decides. A dead letter stays one with the reason
// that is on record, so that running it from the inspector does not erase it.
func (d *Deliverer) settled(ctx context.Context, current webhook.Delivery) (Verdict, error) {
	if current.Status != webhook.StatusFailure {
		return verdictOf(current, "another run moved it"), nil
	}
	record, err := d.store.FindDelivery(ctx, current.OrganizationID, current.ID)
	if err != nil {
		return Verdict{}, err
	}
	return verdictOf(current, record.ErrorMessage()), nil
}

// alreadyEnded returns the verdict on the task of a delivery that has ended: an operator ran a dead letter by hand, or the delivery
// ended without an attempt. The row decides: only a retry through the API sends a failed delivery again.
func (d *Deliverer) alreadyEnded(ctx context.Context, delivery webhook.Delivery) (Verdict, error) {
	verdict, err := d.settled(ctx, delivery)
	if err != nil || verdict.Kind != KindDead {
		return verdict, err
	}
	const instead = "POST /v1/execution-webhooks/deliveries/{id}/retry"
	d.log.WarnContext(ctx, "a failed delivery was taken from the queue and is not sent: retry it through the API", "deliveryId", delivery.ID,
		"organizationId", delivery.OrganizationID, "retry", instead, "failure", verdict.Reason)
	verdict.Reason += "; the delivery has ended: only a retry through the API sends it again: " + instead
	return verdict, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
