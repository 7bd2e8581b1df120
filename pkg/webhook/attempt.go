package webhook

import (
	"fmt"
	"net/http"
	"time"
)

// AttemptOutcome is the outcome of an attempt.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptSuccess AttemptOutcome = "success"
	AttemptFailure AttemptOutcome = "failure"
	// AttemptSuperseded is an attempt that ended after the delivery had changed. It is recorded and does not change the delivery.
	AttemptSuperseded AttemptOutcome = "superseded"
)

// Result is the result of one POST: what was sent, and the answer if there was one.
type Result struct {
	StartedAt      time.Time
	Duration       time.Duration
	Timeout        time.Duration     // how long the POST could take; 0 if not known
	RequestHeaders map[string]string // the values of custom headers are masked
	// ResponseStatus is 0 if there was no answer. Failure then says why.
	ResponseStatus        int
	ResponseHeaders       map[string]string
	ResponseBody          []byte
	ResponseBodyTruncated bool
	// RetryAfter is the answer's Retry-After header. It is empty if there is none.
	RetryAfter string
	// Failure is a sentence that says why there was no answer, and ErrorCode the kind of this failure.
	Failure   string
	ErrorCode ErrorCode
}

// Succeeded reports whether the answer was 2xx. Everything else is a failure.
func (r Result) Succeeded() bool { return r.ResponseStatus >= 200 && r.ResponseStatus <= 299 }

// ErrorMessage returns a sentence that says why the attempt failed. It is empty if the attempt succeeded.
func (r Result) ErrorMessage() string {
	switch {
	case r.Succeeded():
		return ""
	case r.ResponseStatus == 0:
		return r.Failure
	case http.StatusText(r.ResponseStatus) == "":
		return fmt.Sprintf("the receiver answered %d", r.ResponseStatus)
	}
	return fmt.Sprintf("the receiver answered %d %s", r.ResponseStatus, http.StatusText(r.ResponseStatus))
}

// Attempt is one recorded POST.
type Attempt struct {
	ID             string
	OrganizationID string
	DeliveryID     string
	// Number counts the attempts of the delivery from 1, including superseded ones. The store assigns it.
	Number                int
	StartedAt             time.Time
	Duration              time.Duration
	Outcome               AttemptOutcome
	RequestHeaders        map[string]string
	ResponseStatus        int
	ResponseHeaders       map[string]string
	ResponseBody          []byte
	ResponseBodyTruncated bool
	ErrorMessage          string
	// ErrorCode is empty if the attempt succeeded, or was recorded by a version without codes.
	ErrorCode ErrorCode
	// NextRetryAt is the due time of the next attempt that this attempt scheduled. It is zero if it scheduled none.
	NextRetryAt time.Time
}

func newAttempt(d Delivery, r Result) Attempt {
	outcome := AttemptFailure
	if r.Succeeded() {
		outcome = AttemptSuccess
	}
	return Attempt{
		ID:                    NewID(KindAttempt, r.StartedAt),
		OrganizationID:        d.OrganizationID,
		DeliveryID:            d.ID,
		StartedAt:             r.StartedAt,
		Duration:              r.Duration,
		Outcome:               outcome,
		RequestHeaders:        r.RequestHeaders,
		ResponseStatus:        r.ResponseStatus,
		ResponseHeaders:       r.ResponseHeaders,
		ResponseBody:          r.ResponseBody,
		ResponseBodyTruncated: r.ResponseBodyTruncated,
		ErrorMessage:          r.ErrorMessage(),
		ErrorCode:             r.code(),
	}
}
