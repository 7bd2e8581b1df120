package webhook

import (
	"errors"
	"fmt"
	"time"
)

// Status is the status of a delivery.
type Status string

// The statuses of a delivery.
const (
	StatusPending  Status = "pending"  // an attempt is due now
	StatusRetrying Status = "retrying" // an attempt failed, another is scheduled
	StatusSuccess  Status = "success"  // an attempt was answered 2xx
	StatusFailure  Status = "failure"  // no further attempt is scheduled: a dead letter
)

// Waiting reports whether a further attempt is scheduled. The other statuses are terminal.
func (s Status) Waiting() bool { return s == StatusPending || s == StatusRetrying }

// FailureReason is the reason of a failure that was not caused by an attempt. It is empty if the last attempt caused the failure.
type FailureReason string

// The reasons of a failure without an attempt.
const (
	// FailureEndpointDisabled means that the endpoint was disabled when the delivery was due.
	FailureEndpointDisabled FailureReason = "endpoint_disabled"
	// FailureEndpointDeleted means that the endpoint was deleted while the delivery waited.
	FailureEndpointDeleted FailureReason = "endpoint_deleted"
	// FailureCancelled means that the delivery was cancelled by a call while it waited.
	FailureCancelled FailureReason = "cancelled"
	// FailureOrphaned means that MaxOrphans consecutive attempts ended without an outcome.
	FailureOrphaned FailureReason = "attempts_orphaned"
	// FailureEventMissing means that the delivery's event was removed from the database.
	FailureEventMissing FailureReason = "event_missing"
	// FailureEndpointMissing means that the delivery's endpoint was removed from the database.
	FailureEndpointMissing FailureReason = "endpoint_missing"
)

// The reasons of a failure that an attempt caused. They are not stored: see Record.RecordedReason.
const (
	// FailureExhausted means that the last of the retries failed.
	FailureExhausted FailureReason = "exhausted"
	// FailureGone means that the receiver answered 410 Gone.
	FailureGone FailureReason = "gone"
)

// MaxOrphans is how many consecutive attempts of a delivery may end without an outcome because their process died. The delivery then
// fails, because it may be the cause.
const MaxOrphans = 5

// Message returns a sentence for a delivery's errorMessage. It begins with the reason itself.
func (r FailureReason) Message() string {
	switch r {
	case FailureExhausted, FailureGone: // the message of the last attempt says more
	case FailureEndpointDisabled:
		return "endpoint_disabled: the endpoint was disabled when this delivery came due; enable it and retry the delivery"
	case FailureEndpointDeleted:
		return "endpoint_deleted: the endpoint was deleted while this delivery waited; it cannot be retried"
	case FailureCancelled:
		return "cancelled: this delivery was cancelled while it waited; retry it to send it after all"
	case FailureOrphaned:
		return fmt.Sprintf("attempts_orphaned: the dispatcher stopped %d times in a row while it was at this delivery; retry it once the cause is known", MaxOrphans)
	case FailureEventMissing:
		return "event_missing: the event of this delivery was removed from the database; publish it again"
	case FailureEndpointMissing:
		return "endpoint_missing: the endpoint of this delivery was removed from the database; create an endpoint and publish the event again"
	}
	return string(r)
}

// AfterAttempt reports whether a failure followed from attempts, so that its task is kept as a dead letter. A delivery that ended without
// an attempt leaves no task.
func (r FailureReason) AfterAttempt() bool { return r == "" || r == FailureOrphaned }

// QueueDeliveries is the name of the queue for deliveries. A delivery stores the name of its queue, because task IDs are unique only within
// one queue.
const QueueDeliveries = "deliveries"

// Delivery is one event for one endpoint.
type Delivery struct {
	ID             string
	OrganizationID string
	EndpointID     string
	EventID        string
	Status         Status
	// RetryCount is the number of retries since the delivery was created or last retried by hand.
	RetryCount int
	// MaxRetries is the largest number of automatic retries.
	MaxRetries int
	// NextRetryAt is the due time of the next attempt. It is zero in a terminal status.
	NextRetryAt time.Time
	// Revision rises with every change of state. An outcome is applied only if it was decided on the current revision.
	Revision int64
	Queue    string
	Priority Priority
	// Test marks a delivery that was asked for to try the endpoint. It is sent without retries, whatever the endpoint subscribes to and
	// also while it is paused or disabled. It counts in no statistics and in no circuit.
	Test bool
	// Requeued is true if the delivery was retried by hand or by a job since it was created.
	Requeued      bool
	FailureReason FailureReason
	// OrphanCount is the number of attempts since the last recorded one that ended without an outcome. It is a lower bound, because
	// such attempts are counted when they are detected.
	OrphanCount int
	// LastAttemptID is the ID of the attempt that led to the present state. It is empty before the first attempt.
	LastAttemptID string
	// ReplayOf is the ID of the delivery that this one replays. It is empty for others, and for replays of versions that did not record it.
	ReplayOf string
	// BulkJobID is the ID of the latest bulk job that has requeued, made or cancelled the delivery. It is empty if none did, and after a retry
	// or a cancellation by hand.
	BulkJobID string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ErrIllegalMove reports a change of state that the delivery's status does not allow, which is a bug.
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

// NewTest makes a test delivery of the event to the endpoint, due at once and without retries.
func NewTest(event Event, endpoint Endpoint, now time.Time) Delivery {
	d := NewDelivery(event, endpoint, now)
	d.Test, d.MaxRetries, d.Priority = true, 0, PriorityHead
	return d
}

// Replayed makes a delivery that sends the event of another one again, before what was published. The replay of a test is a test.
func (d Delivery) Replayed(event Event, endpoint Endpoint, now time.Time) Delivery {
	replay := NewDelivery(event, endpoint, now)
	if d.Test {
		replay = NewTest(event, endpoint, now)
	}
	replay.Priority = PriorityHead
	replay.ReplayOf = d.ID
	return replay
}

// NewRedelivery makes a delivery of an event that was published before to the endpoint. It goes first, as a replay does.
func NewRedelivery(event Event, endpoint Endpoint, now time.Time) Delivery {
	d := NewDelivery(event, endpoint, now)
	d.Priority = PriorityHead
	return d
}

// Retried returns the delivery after a manual retry: due at once, with a fresh set of retries. It returns ErrDeliveryNotFailed unless the
// delivery's status is failure. Apart from the revision, the new state does not depend on the state before.
func (d Delivery) Retried(now time.Time) (Delivery, error) {
	if d.Status != StatusFailure {
		return Delivery{}, ErrDeliveryNotFailed
	}
	d.Status = StatusPending
	d.Priority = PriorityHead
	d.Requeued = true
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
	// BulkJobID is the bulk job that retries the delivery. It is empty for a retry by hand.
	BulkJobID string
	// MaxBytes bounds the record that is returned, in bytes of Sized. A retry of a larger one has no effect and returns ErrRecordLarge. 0 is no
	// limit.
	MaxBytes int64
}

// Requeued returns the state that the retry gives to its delivery if the delivery has failed. The revision is the increment, so that a
// store can write the state without a read of the delivery.
func (r Retry) Requeued() Delivery {
	failed := Delivery{ID: r.DeliveryID, OrganizationID: r.OrganizationID, Status: StatusFailure}
	requeued, _ := failed.Retried(r.At) // a failed delivery can be retried
	return requeued.ofJob(r.BulkJobID)
}

// Cancellation is a request to cancel a waiting delivery.
type Cancellation struct {
	OrganizationID, DeliveryID string
	At                         time.Time
	// BulkJobID is the bulk job that cancels the delivery. It is empty for a cancellation by hand.
	BulkJobID string
}

// Cancelled returns the state that the cancellation gives to its delivery if the delivery waits. The revision is the increment, so that a
// store can write the state without a read of the delivery.
func (c Cancellation) Cancelled() Delivery {
	waiting := Delivery{ID: c.DeliveryID, OrganizationID: c.OrganizationID, Status: StatusPending}
	cancelled, _ := waiting.Failed(FailureCancelled, c.At) // a waiting delivery can fail
	cancelled.BulkJobID = c.BulkJobID
	return cancelled
}

// ofJob returns the delivery as one that a bulk job has requeued or made: it goes after live ones. Without a job it is unchanged.
func (d Delivery) ofJob(id string) Delivery {
	if id != "" {
		d.BulkJobID, d.Priority = id, PriorityBulk
	}
	return d
}

// ReplayedBy is Replayed for a replay that a bulk job makes.
func (d Delivery) ReplayedBy(jobID string, event Event, endpoint Endpoint, now time.Time) Delivery {
	return d.Replayed(event, endpoint, now).ofJob(jobID)
}

// NewRedeliveryBy is NewRedelivery for a delivery that a bulk job makes.
func NewRedeliveryBy(jobID string, event Event, endpoint Endpoint, now time.Time) Delivery {
	return NewRedelivery(event, endpoint, now).ofJob(jobID)
}

// Failed returns the delivery after a failure without an attempt. It returns ErrIllegalMove in a terminal status.
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

// Record is a delivery with its event and its last attempt, as the API shows it. LastAttempt is nil before the first attempt.
type Record struct {
	Delivery    Delivery
	Event       Event
	LastAttempt *Attempt
}

// ErrorMessage returns why the delivery has not succeeded. It is empty if nothing has failed.
func (r Record) ErrorMessage() string {
	switch {
	case r.Delivery.FailureReason != "":
		return r.Delivery.FailureReason.Message()
	case r.LastAttempt != nil:
		return r.LastAttempt.ErrorMessage
	}
	return ""
}

// MaxLoadedData is how large an event's data may be to be read together with its delivery, in bytes. Larger data is read once for all
// deliveries of the event.
const MaxLoadedData = 16 << 10

// Dispatch is the input of one attempt: the delivery, its event, and its endpoint with the signing secrets.
type Dispatch struct {
	Delivery Delivery
	Event    Event
	Endpoint Endpoint
	// Attempts is the number of recorded attempts.
	Attempts int
	// Omitted is the size of the event's data in bytes, if it is larger than MaxLoadedData and therefore not in Event.
	Omitted int64
	// Body is the event's body with the omitted data, shared by the deliveries of the event. If it is nil, it is made of Event.
	Body []byte
	// Missing is set if the event or the endpoint was removed from the database, so that no attempt is possible.
	Missing FailureReason
	// ReadAt is a time before the endpoint was read, by the monotonic clock of this process.
	ReadAt time.Time
}

// Payload returns the bytes to POST. They must not be changed.
func (d Dispatch) Payload() ([]byte, error) {
	dataOnly := d.Endpoint.Payload == PayloadData
	switch {
	case d.Body != nil && dataOnly:
		end := len(d.Body) - len("}") // Event.Body ends with the data and a brace
		return d.Body[end-int(d.Omitted) : end], nil
	case d.Body != nil:
		return d.Body, nil
	case dataOnly:
		return d.Event.Data, nil
	}
	return d.Event.Body()
}
