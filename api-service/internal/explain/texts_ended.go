package explain

import (
	"fmt"
	"time"

	"redrive/pkg/webhook"
)

func (t texts) delivered() Cause {
	d, last := t.Record.Delivery, t.Record.LastAttempt
	const next = "It is complete: " + nothingToDo + "."
	if last == nil {
		return t.cause(Delivered, d.UpdatedAt, time.Time{}, next, "The delivery to %s succeeded at %s.", t.target(), clock(d.UpdatedAt))
	}
	return t.cause(Delivered, d.UpdatedAt, time.Time{}, next, "The receiver of %s accepted the delivery at %s with %s, at attempt %d.",
		t.target(), clock(last.EndedAt()), answer(last.ResponseStatus), last.Number)
}

// endedBy explains a delivery that has failed.
func (t texts) endedBy(reason webhook.FailureReason) Cause {
	switch reason {
	case webhook.FailureExhausted:
		return t.exhausted()
	case webhook.FailureGone:
		return t.gone()
	case webhook.FailureEndpointDisabled:
		return t.endedDisabled()
	case webhook.FailureEndpointDeleted, webhook.FailureEndpointMissing:
		return t.endedDeleted()
	case webhook.FailureCancelled:
		return t.cancelled()
	case webhook.FailureOrphaned:
		return t.orphaned()
	case webhook.FailureEventMissing:
	}
	d := t.Record.Delivery
	return t.cause(Unknown, d.UpdatedAt, time.Time{}, "No further attempt follows: publish the event again.",
		"The delivery to %s ended at %s without an attempt, because of %s.", t.target(), clock(d.UpdatedAt), reason.Message())
}

// retryIt says how a failed delivery is sent after all. A retry needs an endpoint that is active.
func (t texts) retryIt(first string) string {
	switch {
	case t.doomed() == EndpointDeleted:
		return t.sendElsewhere()
	case t.Endpoint.Status == webhook.EndpointDisabled:
		return first + "enable the endpoint and retry the delivery."
	}
	if !t.Endpoint.PausedAt.IsZero() {
		return first + "retry the delivery and resume the endpoint, which is paused."
	}
	return first + "retry the delivery."
}

func (t texts) sendElsewhere() string {
	return fmt.Sprintf("It cannot be retried: to send the event after all, deliver event %s to another endpoint.", t.Record.Delivery.EventID)
}

func (t texts) exhausted() Cause {
	d, last := t.Record.Delivery, t.Record.LastAttempt
	if last == nil { // an operator has removed the attempts
		return t.cause(Exhausted, d.UpdatedAt, time.Time{}, t.retryIt("No further attempt follows by itself: correct the receiver, then "),
			"The delivery to %s failed at %s.", t.target(), clock(d.UpdatedAt))
	}
	return t.cause(Exhausted, d.UpdatedAt, time.Time{}, t.retryIt("No further attempt follows by itself: correct the receiver, then "),
		"The delivery to %s failed at %s after %s; the last error: %s.", t.target(), clock(d.UpdatedAt), attempts(last.Number), t.lastError())
}

func (t texts) gone() Cause {
	d := t.Record.Delivery
	return t.cause(Gone, d.UpdatedAt, time.Time{},
		t.retryIt("No further attempt follows by itself: if the receiver is to get this delivery, make it answer again, then "),
		"The receiver of %s answered 410 Gone at %s, which ended the delivery.", t.target(), clock(d.UpdatedAt))
}

func (t texts) endedDisabled() Cause {
	d := t.Record.Delivery
	return t.cause(EndpointDisabled, d.UpdatedAt, time.Time{}, t.retryIt("No further attempt follows by itself: to send it, "),
		"The delivery to %s ended at %s, because the endpoint was disabled when the delivery was due.", t.target(), clock(d.UpdatedAt))
}

func (t texts) endedDeleted() Cause {
	d := t.Record.Delivery
	if t.arrived() {
		return t.cause(EndpointDeleted, d.UpdatedAt, time.Time{}, t.arrivedText(), "The delivery to %s ended at %s, because the endpoint was deleted during attempt %d.",
			t.target(), clock(d.UpdatedAt), t.Superseded.Number)
	}
	return t.cause(EndpointDeleted, d.UpdatedAt, time.Time{}, t.sendElsewhere(),
		"The delivery to %s ended at %s, because the endpoint was deleted while the delivery waited.", t.target(), clock(d.UpdatedAt))
}

func (t texts) cancelled() Cause {
	d := t.Record.Delivery
	if t.arrived() {
		return t.cause(Cancelled, d.UpdatedAt, time.Time{}, t.arrivedText(), "The delivery to %s was cancelled at %s, during attempt %d.",
			t.target(), clock(d.UpdatedAt), t.Superseded.Number)
	}
	return t.cause(Cancelled, d.UpdatedAt, time.Time{},
		t.retryIt("No further attempt follows, and "+nothingToDo+"; to send it after all, "),
		"The delivery to %s was cancelled at %s.", t.target(), clock(d.UpdatedAt))
}

func (t texts) orphaned() Cause {
	d := t.Record.Delivery
	return t.cause(Orphaned, d.UpdatedAt, time.Time{},
		t.retryIt("No further attempt follows by itself: the operator has to find out why dispatchers stop; after that, "),
		"The delivery to %s ended at %s, because a dispatcher stopped %d times in a row during an attempt; the receiver may have got it.",
		t.target(), clock(d.UpdatedAt), webhook.MaxOrphans)
}

// arrived reports whether the receiver accepted an attempt that was in flight when the delivery ended otherwise.
func (t texts) arrived() bool {
	return t.Superseded != nil && webhook.Result{ResponseStatus: t.Superseded.ResponseStatus}.Succeeded()
}

func (t texts) arrivedText() string {
	return fmt.Sprintf("The receiver got it and answered %s: %s, and another delivery of the event would reach the receiver a second time.",
		answer(t.Superseded.ResponseStatus), nothingToDo)
}

// superseded explains an attempt that was in flight when the delivery ended otherwise.
func (t texts) superseded(code Code) Cause {
	a := *t.Superseded
	result := a.ErrorMessage
	if result == "" {
		result = "the receiver answered " + answer(a.ResponseStatus)
	}
	return t.cause(code, a.StartedAt, time.Time{}, "", "Attempt %d was in flight at that time and ended at %s: %s. It does not change the delivery.",
		a.Number, clock(a.EndedAt()), result)
}
