package webhook

import (
	"errors"
	"fmt"
	"time"
)

// Status is where a delivery stands.
type Status string

// The statuses of a delivery.
const (
	StatusPending  Status = "pending"  // waits for an attempt that is due now
	StatusRetrying Status = "retrying" // an attempt failed, another is scheduled
	StatusSuccess  Status = "success"  // an attempt was answered 2xx
	StatusFailure  Status = "failure"  // no further attempt is made by itself: a dead letter
)

// Waiting says whether the delivery waits for an attempt; the other statuses are terminal.
func (s Status) Waiting() bool { return s == StatusPending || s == StatusRetrying }

// FailureReason says why a delivery ended in failure without an attempt that could tell. It is empty when the last attempt
// tells.
type FailureReason string

// The reasons for an end without an attempt.
const (
	// FailureEndpointDisabled says that the delivery came due while its endpoint was disabled.
	FailureEndpointDisabled FailureReason = "endpoint_disabled"
	// FailureOrphaned says that MaxOrphans attempts in a row ended without an outcome.
	FailureOrphaned FailureReason = "attempts_orphaned"
	// FailureEventMissing says that the delivery's event is not in the database any more.
	FailureEventMissing FailureReason = "event_missing"
	// FailureEndpointMissing says that the delivery's endpoint is not in the database any more.
	FailureEndpointMissing FailureReason = "endpoint_missing"
)

// MaxOrphans is how many attempts of a delivery in a row may end without an outcome, because the process that made them died.
// One that died five times over the same delivery may have died of it.
const MaxOrphans = 5

// Message is the reason as a sentence for a delivery's errorMessage; it begins with the word itself.
func (r FailureReason) Message() string {
	switch r {
	case FailureEndpointDisabled:
		return "endpoint_disabled: the endpoint was disabled when this delivery came due; enable it and retry the delivery"
	case FailureOrphaned:
		return fmt.Sprintf("attempts_orphaned: the dispatcher stopped %d times in a row while it was at this delivery; retry it once the cause is known", MaxOrphans)
	case FailureEventMissing:
		return "event_missing: the event of this delivery was removed from the database; publish it again"
	case FailureEndpointMissing:
		return "endpoint_missing: the endpoint of this delivery was removed from the database; create an endpoint and publish the event again"
	}
	return string(r)
}

// QueueDeliveries is the queue that deliveries wait in. A delivery remembers its queue, since task IDs are unique within
// one queue only.
const QueueDeliveries = "deliveries"

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID             string
	OrganizationID string
	EndpointID     string
	EventID        string
	Status         Status
	// RetryCount is the number of retries made since the delivery was created or last retried by hand.
	RetryCount int
	// MaxRetries is how many retries are made by themselves.
	MaxRetries int
	// NextRetryAt is when the next attempt is due; zero in a terminal status.
	NextRetryAt time.Time
	// Revision rises with every change of state. An outcome counts only if it was decided on the current revision.
	Revision      int64
	Queue         string
	FailureReason FailureReason
	// OrphanCount is the number of attempts since the last one on record that ended without an outcome. It is counted when they
	// are found, so it is a lower bound.
	OrphanCount int
	// LastAttemptID names the attempt that decided the present state; empty before the first.
	LastAttemptID string
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// ErrIllegalMove is a bug: a delivery was asked for a move that its status does not allow.
var ErrIllegalMove = errors.New("illegal move of a delivery")

// NewDelivery makes a delivery of the event to the endpoint, due at once.
func NewDelivery(event Event, endpoint Endpoint, now time.Time) Delivery {
	return Delivery{
		ID:             NewID(KindDelivery, now),
		OrganizationID: event.OrganizationID,
		EndpointID:     endpoint.ID,
		EventID:        event.ID,
		Status:         StatusPending,
		MaxRetries:     endpoint.MaxRetries,
		NextRetryAt:    now,
		Revision:       1,
		Queue:          QueueDeliveries,
		CreatedAt:      now,
		UpdatedAt:      now,
	}
}

// Retried returns the delivery after a manual retry: due at once, with a fresh set of retries. It returns ErrDeliveryNotFailed unless the
// delivery's status is failure. Apart from the revision, the new state does not depend on the state before.
func (d Delivery) Retried(now time.Time) (Delivery, error) {
	if d.Status != StatusFailure {
		return Delivery{}, ErrDeliveryNotFailed
	}
	d.Status = StatusPending
	d.RetryCount = 0
	d.NextRetryAt = now
	d.FailureReason = ""
	d.OrphanCount = 0
	return d.moved(now), nil
}

// Retry is a request to retry a delivery by hand.
type Retry struct {
	OrganizationID, DeliveryID string
	// At is the time of the request, at which the delivery is due.
	At time.Time
}

// Requeued returns the state that the retry gives to its delivery if the delivery has failed. The revision is the increment, so that a
// store can write the state without a read of the delivery.
func (r Retry) Requeued() Delivery {
	failed := Delivery{ID: r.DeliveryID, OrganizationID: r.OrganizationID, Status: StatusFailure}
	requeued, _ := failed.Retried(r.At) // a failed delivery can be retried
	return requeued
}

// Failed is the delivery ended without an attempt, for the reason.
func (d Delivery) Failed(reason FailureReason, now time.Time) (Delivery, error) {
	if !d.Status.Waiting() {
		return Delivery{}, fmt.Errorf("%w: %s to failure (%s)", ErrIllegalMove, d.Status, reason)
	}
	d.Status = StatusFailure
	d.NextRetryAt = time.Time{}
	d.FailureReason = reason
	return d.moved(now), nil
}

func (d Delivery) moved(now time.Time) Delivery {
	d.Revision++
	d.UpdatedAt = now
	return d
}

// Record is a delivery with what it takes to show it: its event, and its last attempt if there was one.
type Record struct {
	Delivery    Delivery
	Event       Event
	LastAttempt *Attempt
}

// ErrorMessage is the reason that the delivery's last attempt, or the lack of one, gives for not having arrived.
func (r Record) ErrorMessage() string {
	switch {
	case r.Delivery.FailureReason != "":
		return r.Delivery.FailureReason.Message()
	case r.LastAttempt != nil:
		return r.LastAttempt.ErrorMessage
	}
	return ""
}

// Dispatch is all that one attempt needs: the delivery, its event, and its endpoint with the signing secrets.
type Dispatch struct {
	Delivery Delivery
	Event    Event
	Endpoint Endpoint
	// Attempts is how many are on record.
	Attempts int
	// Missing is set if the event or the endpoint is not in the database any more, so that no attempt can be made.
	Missing FailureReason
}
