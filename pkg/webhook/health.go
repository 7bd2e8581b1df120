package webhook

import "time"

// Health says how the attempts to an endpoint have ended lately. Attempts of tests count nowhere.
type Health struct {
	// LastSuccessAt is when an attempt last succeeded. It may be SuccessNoted older than the truth. It is zero without a success.
	LastSuccessAt time.Time
	// ConsecutiveFailures is the number of counted failures since the last success. See Outcome.Counted.
	ConsecutiveFailures int64
	// FailingSince and LastFailureAt are the times of the first and the last of them. They are zero if there are none.
	FailingSince  time.Time
	LastFailureAt time.Time
	// LastError says why the last of them failed.
	LastError string
}

// SuccessNoted is how long a success of a healthy endpoint need not be written after the one before. A busy endpoint would otherwise be
// written with every commit.
const SuccessNoted = 5 * time.Second

// Counted is how an attempt counts in the health of its endpoint.
type Counted int16

// The ways in which an attempt counts.
const (
	CountedNot     Counted = 0
	CountedSuccess Counted = 1
	CountedFailure Counted = 2
)

// Counted returns how the attempt counts in the health of its endpoint if it is not superseded. A test does not count. A delivery that was
// retried by hand or by a job counts only if it succeeds: the person has chosen when to try, perhaps before the receiver was repaired.
func (o Outcome) Counted() Counted {
	switch {
	case o.Delivery.Test:
		return CountedNot
	case o.Attempt.Outcome == AttemptSuccess:
		return CountedSuccess
	case o.Delivery.Requeued:
		return CountedNot
	}
	return CountedFailure
}

// After returns the health after an attempt.
func (h Health) After(o Outcome) Health {
	at := o.Delivery.UpdatedAt
	switch o.Counted() {
	case CountedSuccess:
		h = h.Reset()
		if at.After(h.LastSuccessAt) {
			h.LastSuccessAt = at
		}
	case CountedFailure:
		if h.ConsecutiveFailures == 0 {
			h.FailingSince = at
		}
		h.ConsecutiveFailures++
		if at.After(h.LastFailureAt) {
			h.LastFailureAt, h.LastError = at, o.Attempt.ErrorMessage
		}
	case CountedNot:
	}
	return h
}

// Reset returns the health without failures.
func (h Health) Reset() Health { return Health{LastSuccessAt: h.LastSuccessAt} }

// Resets reports whether the change, which was made from one state of an endpoint to another, makes its failures count from 0 again. An
// endpoint that was enabled or resumed, or has another URL, may behave otherwise from now on.
func (c EndpointChange) Resets(before, after Endpoint) bool {
	return c.Kind == ChangeEnabled || c.Kind == ChangeResumed || before.URL != after.URL
}
