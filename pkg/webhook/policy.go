package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Policy decides the state of a delivery after an attempt. The zero value is the documented default.
type Policy struct {
	// Schedule holds the delays before the first, second, … retry. The last one repeats. Defaults to DefaultSchedule.
	Schedule []time.Duration
	// Random returns numbers in [0, 1) for the jitter. Defaults to math/rand/v2.
	Random func() float64
}

// DefaultSchedule spans more than three days, so that a receiver can be down for a weekend. It follows the example of the Standard Webhooks
// specification (https://www.standardwebhooks.com).
var DefaultSchedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// jitter is the fraction by which a delay varies in both directions. Deliveries that failed together are therefore not retried together.
const jitter = 0.2

// For returns the policy for an endpoint, which may have a schedule of its own.
func (p Policy) For(e Endpoint) Policy {
	if len(e.RetrySchedule) == 0 {
		return p
	}
	p.Schedule = make([]time.Duration, len(e.RetrySchedule))
	for i, seconds := range e.RetrySchedule {
		p.Schedule[i] = time.Duration(seconds) * time.Second
	}
	return p
}

// Outcome is the decision after an attempt: the new state of the delivery, and the attempt to record.
type Outcome struct {
	// Delivery has the revision after the one on which the decision was made.
	Delivery Delivery
	Attempt  Attempt
	// EventType is the type of the delivery's event.
	EventType string
	// DisableEndpoint is true if the receiver answered 410 Gone.
	DisableEndpoint bool
	// EndpointUpdatedAt is the UpdatedAt of the endpoint when the attempt began. The endpoint is disabled only if it has not changed since:
	// a person who has enabled it meanwhile, or rotated its secret, has newer information than the attempt.
	EndpointUpdatedAt time.Time
}

// Decide returns the outcome of an attempt that has ended now. The delivery's next status is success after 2xx, failure after 410 Gone or
// when no retry is left, and retrying otherwise. The next attempt is due at a whole second, because the queue truncates fractions and no
// attempt may start early. Decide returns ErrIllegalMove in a terminal status.
func (p Policy) Decide(d Delivery, r Result, now time.Time) (Outcome, error) {
	if !d.Status.Waiting() {
		return Outcome{}, fmt.Errorf("%w: an attempt ended while the delivery was in %s", ErrIllegalMove, d.Status)
	}
	// The first attempt, and the first after a manual retry, has the status pending and does not count as a retry.
	if d.Status == StatusRetrying {
		d.RetryCount++
	}
	gone := r.ResponseStatus == http.StatusGone
	attempt := newAttempt(d, r)

	switch {
	case r.Succeeded():
		d.Status = StatusSuccess
		d.NextRetryAt = time.Time{}
	case gone || d.RetryCount >= d.MaxRetries:
		d.Status = StatusFailure
		d.NextRetryAt = time.Time{}
	default:
		d.Status = StatusRetrying
		d.NextRetryAt = ceilSecond(now.Add(p.delay(d.RetryCount, r, now)))
	}
	d.FailureReason = ""
	d.OrphanCount = 0
	d.LastAttemptID = attempt.ID
	attempt.NextRetryAt = d.NextRetryAt
	return Outcome{Delivery: d.moved(now), Attempt: attempt, DisableEndpoint: gone && !d.Test}, nil
}

// delay returns the delay that the receiver asked for with a 429 or 503, or else the delay of the schedule.
func (p Policy) delay(retriesMade int, r Result, now time.Time) time.Duration {
	if r.ResponseStatus == http.StatusTooManyRequests || r.ResponseStatus == http.StatusServiceUnavailable {
		if asked := ParseRetryAfter(r.RetryAfter, now); asked > 0 {
			return asked
		}
	}
	schedule := p.Schedule
	if len(schedule) == 0 {
		schedule = DefaultSchedule
	}
	random := p.Random
	if random == nil {
		random = rand.Float64
	}
	delay := schedule[min(retriesMade, len(schedule)-1)]
	return time.Duration(float64(delay) * (1 - jitter + 2*jitter*random()))
}

func ceilSecond(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}
