package webhook

import (
	"fmt"
	"net/http"
	"time"
)

// AttemptOutcome is what an attempt came to.
type AttemptOutcome string

// The outcomes of an attempt.
const (
	AttemptSuccess AttemptOutcome = "success"
	AttemptFailure AttemptOutcome = "failure"
	// AttemptSuperseded was made, but the delivery had moved on meanwhile: it is on record and decided nothing.
	AttemptSuperseded AttemptOutcome = "superseded"
)

// Result is one POST as it went: what was sent and what, if anything, was answered.
type Result struct {
	StartedAt      time.Time
	Duration       time.Duration
	RequestHeaders map[string]string // values of an endpoint's own headers masked
	// ResponseStatus is 0 when there was no answer; Failure then says why.
	ResponseStatus        int
	ResponseHeaders       map[string]string
	ResponseBody          []byte
	ResponseBodyTruncated bool
	// RetryAfter is the answer's Retry-After header, empty without one.
	RetryAfter string
	// Failure is a plain sentence on why there was no answer.
	Failure string
}

// Succeeded says whether the answer was 2xx: all else is a failure.
func (r Result) Succeeded() bool { return r.ResponseStatus >= 200 && r.ResponseStatus <= 299 }

// ErrorMessage says in a sentence why the attempt did not succeed, and is empty if it did.
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

// Attempt is one POST on record.
type Attempt struct {
	ID             string
	OrganizationID string
	DeliveryID     string
	// Number counts the attempts of the delivery from 1, superseded ones among them. The store assigns it.
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
	// NextRetryAt is when this attempt had the next one scheduled; zero if it did not.
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
	}
}
