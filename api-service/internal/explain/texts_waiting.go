package explain

import (
	"fmt"
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// disabledBecause are the words for the reasons of a disabled endpoint.
var disabledBecause = map[webhook.DisabledReason]string{
	webhook.DisabledManually: ", by hand",
	webhook.DisabledGone:     ", because its receiver answered 410 Gone",
	webhook.DisabledFailing:  ", because no attempt had succeeded for days",
}

func (t texts) willEndDisabled() Cause {
	e := t.Endpoint
	if began := t.attempting(); !began.IsZero() {
		return t.cause(EndpointDisabled, e.DisabledAt, time.Time{}, "The receiver's answer decides: if the attempt fails, the delivery ends in failure; to send it after that, enable the endpoint and retry the delivery.",
			"An attempt to %s has been in progress since %s; the endpoint has been disabled since %s%s, and no further attempt begins.",
			t.target(), clock(began), clock(e.DisabledAt), disabledBecause[e.DisabledReason])
	}
	end := "when it is due, at " + clock(t.dueAt())
	if t.due() {
		end = "within a minute"
	}
	return t.cause(EndpointDisabled, e.DisabledAt, time.Time{}, "To send it, enable the endpoint and, if the delivery has ended by then, retry it.",
		"The delivery to %s is not sent, because the endpoint has been disabled since %s%s: it ends in failure %s.",
		t.target(), clock(e.DisabledAt), disabledBecause[e.DisabledReason], end)
}

func (t texts) willEndDeleted() Cause {
	if t.Endpoint == nil {
		return t.cause(EndpointDeleted, time.Time{}, time.Time{}, t.sendElsewhere(),
			"The delivery to %s, due at %s, is not sent, because the endpoint does not exist any more: it ends in failure.", t.target(), clock(t.dueAt()))
	}
	if began := t.attempting(); !began.IsZero() {
		return t.cause(EndpointDeleted, t.Endpoint.DeletedAt, time.Time{}, "No further attempt begins, and the delivery ends in failure, unless the receiver accepts it before: the customer does not have to do anything if the receiver got it. "+t.sendElsewhere(),
			"An attempt to %s has been in progress since %s; the endpoint was deleted at %s.", t.target(), clock(began), clock(t.Endpoint.DeletedAt))
	}
	return t.cause(EndpointDeleted, t.Endpoint.DeletedAt, time.Time{}, t.sendElsewhere(),
		"The delivery to %s is not sent, because the endpoint was deleted at %s: it ends in failure within a minute.", t.target(), clock(t.Endpoint.DeletedAt))
}

func (t texts) sending() Cause {
	began := t.attempting()
	return t.cause(Sending, began, time.Time{}, "Its result is on record once the receiver has answered or the timeout of the attempt has passed: "+nothingToDo+".",
		"An attempt to %s has been in progress since %s.", t.target(), clock(began))
}

func (t texts) paused() Cause {
	after := ""
	if !t.due() {
		after = ", but not before " + clock(t.dueAt())
	}
	return t.cause(EndpointPaused, t.Endpoint.PausedAt, time.Time{}, "It is sent once the endpoint is resumed"+after+": the customer has to resume the endpoint.",
		"The delivery waits, because %s has been paused since %s; no retry is used up meanwhile.", t.target(), clock(t.Endpoint.PausedAt))
}

func (t texts) scheduled() Cause {
	d, last := t.Record.Delivery, t.Record.LastAttempt
	if last == nil {
		return t.cause(Scheduled, d.UpdatedAt, d.NextRetryAt, "It is sent by itself at that time: "+nothingToDo+".",
			"The delivery to %s is scheduled for %s.", t.target(), clock(d.NextRetryAt))
	}
	next := fmt.Sprintf("Retry %d of %d follows by itself at %s: correct the receiver before that time if it still fails; nothing else has to be done.",
		d.RetryCount+1, d.MaxRetries, clock(d.NextRetryAt))
	return t.cause(Scheduled, last.EndedAt(), d.NextRetryAt, next, "Attempt %d to %s failed at %s: %s.", last.Number, t.target(), clock(last.EndedAt()), t.lastError())
}

func (t texts) queueUnavailable() Cause {
	return t.cause(QueueUnavailable, time.Time{}, time.Time{},
		"It is stored and is sent by itself when Redis is available again: the operator has to restore Redis, and "+nothingToDo+".",
		"%s, and Redis, which holds the queue, cannot be read at %s.", t.isDue(), clock(t.Now))
}

func (t texts) noDispatcher() Cause {
	why := "no dispatcher has reported to Redis for some seconds"
	if len(t.Queue.Dispatchers) > 0 {
		why = "every dispatcher is stopping"
	}
	return t.cause(NoDispatcher, time.Time{}, time.Time{},
		"It is stored and is sent by itself once a dispatcher runs: the operator has to start a dispatcher, or to make Redis available and writable for it, and "+nothingToDo+".",
		"%s, but at %s %s.", t.isDue(), clock(t.Now), why)
}

func (t texts) queuePaused() Cause {
	return t.cause(QueuePaused, time.Time{}, time.Time{}, "It is sent by itself once the queue is resumed: the operator has to resume the queue, and "+nothingToDo+".",
		"%s, but an operator has paused the queue of all deliveries.", t.isDue())
}

// held explains a delivery that dispatchers hold.
func (t texts) held(h hold) Cause {
	switch h.code {
	case HeldCircuit:
		return t.heldCircuit(h.state)
	case HeldRate:
		return t.heldRate(h.state.LimitedUntil)
	case HeldMemory:
		return t.cause(HeldMemory, t.dueAt(), time.Time{}, "It is sent by itself when memory is free: "+nothingToDo+"; if this lasts, the operator has to raise DISPATCHER_MEMORY.",
			"%s and waits, because the memory of the dispatcher for large bodies is in use; its event has %d bytes of data.", t.isDue(), t.DataSize)
	default:
		return t.cause(HeldConcurrency, t.dueAt(), time.Time{},
			"It is sent by itself when an attempt in flight has ended: "+nothingToDo+", but a receiver that answers faster shortens the wait.",
			"%s and waits for a free slot: the endpoint has %d attempts in flight, and may not have more at the moment (limit %d).", t.isDue(), h.state.InFlight, h.state.Limit)
	}
}

func (t texts) heldRate(until time.Time) Cause {
	unit := "requests"
	if t.Endpoint.RateLimit == 1 {
		unit = "request"
	}
	return t.cause(HeldRate, t.dueAt(), until, "It is sent by itself in turn: "+nothingToDo+", unless the limit is too low; then raise the endpoint's rateLimit.",
		"%s and waits for its turn, because the endpoint's rate limit of %d %s a second is used up by other deliveries.", t.isDue(), t.Endpoint.RateLimit, unit)
}

func (t texts) heldCircuit(state queue.EndpointState) Cause {
	var phase, until string
	switch state.Circuit {
	case queue.CircuitOpen:
		phase = "its circuit opened at " + clock(state.Since)
		until = ", next at " + clock(state.Until)
	case queue.CircuitHalfOpen:
		phase = "its circuit opened at " + clock(state.Since) + ", and one attempt at a time is made as a probe"
	default:
		phase = "its circuit is closing again, and few attempts are made at a time"
	}
	if state.Reason != "" {
		phase += " (" + state.Reason + ")"
	}
	longest := ""
	if held := t.longestHold(); held > 0 {
		longest = fmt.Sprintf(", or makes an attempt of it %s after it was due", held)
	}
	return t.cause(HeldCircuit, state.Since, state.Until,
		"Redrive probes the receiver"+until+", and sends the delivery by itself once the receiver answers"+longest+": correct the receiver; nothing else has to be done.",
		"%s and is held, because the endpoint does not answer: %s; no retry is used up while it is held.", t.isDue(), phase)
}

func (t texts) heldShare() Cause {
	if job := t.Record.Delivery.BulkJobID; job != "" {
		return t.cause(HeldShare, t.dueAt(), time.Time{}, "It is sent by itself in turn, the oldest first: "+nothingToDo+".",
			"%s and waits in the backlog, because it belongs to bulk job %s: live deliveries of the organization go first, and its endpoint takes a limited number at a time.", t.isDue(), job)
	}
	return t.cause(HeldShare, t.dueAt(), time.Time{}, "It is sent by itself in turn, the oldest first: "+nothingToDo+".",
		"%s and waits behind earlier deliveries of the organization, because the organization's share of the queue is full.", t.isDue())
}

func (t texts) queued() Cause {
	return t.cause(Queued, t.dueAt(), time.Time{}, "It is sent by itself within seconds: "+nothingToDo+".",
		"%s, is in the queue, and nothing holds it at %s.", t.isDue(), clock(t.Now))
}

// withoutTask explains a delivery that is due and has no task, although its lane is not in backlog: the enqueue follows, or was lost.
func (t texts) withoutTask() Cause {
	return t.cause(Queued, t.dueAt(), time.Time{}, "A dispatcher enqueues it by itself within a minute: "+nothingToDo+".",
		"%s, nothing holds it, and it has no task in the queue at %s: it is about to be enqueued, or its task was lost.", t.isDue(), clock(t.Now))
}

// unknown explains a delivery that may be held for a reason that no process has reported.
func (t texts) unknown(why string, until time.Time) Cause {
	return t.cause(Unknown, time.Time{}, until,
		"It is sent by itself: "+nothingToDo+"; if this answer is the same after two minutes, the operator has to look at the dispatchers.",
		"%s, but at %s %s.", t.isDue(), clock(t.Now), why)
}
