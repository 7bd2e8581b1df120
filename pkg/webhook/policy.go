package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// Policy decides what follows an attempt. Its zero value is the documented default.
type Policy struct {
	// Schedule holds the delays before the first, second, … retry; the last one repeats. Defaults to DefaultSchedule.
	Schedule []time.Duration
	// Random returns numbers in [0, 1) for the jitter. Defaults to math/rand/v2.
	Random func() float64
}

// DefaultSchedule reaches over three days, so that a receiver can be down for a weekend. It follows the example of the
// Standard Webhooks specification (https://www.standardwebhooks.com).
var DefaultSchedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// jitter is the share by which a delay varies either way, so that deliveries that failed together do not return together.
const jitter = 0.2

// Outcome is what an attempt did to its delivery: the delivery as it shall be, and the attempt as it goes on record.
type Outcome struct {
	// Delivery has the revision after the one that the decision was made on.
	Delivery Delivery
	Attempt  Attempt
	// DisableEndpoint: the receiver said that it is gone for good.
	DisableEndpoint bool
	// EndpointUpdatedAt is the UpdatedAt of the endpoint that the attempt was made with. The endpoint is disabled only if it is still
	// the same: somebody who has enabled it meanwhile, or rotated its secret, knows more than the attempt did.
	EndpointUpdatedAt time.Time
}

// Decide turns the result of an attempt, finished now, into the delivery's next state: success on 2xx, failure when the
// retries are used up or the receiver answered 410 Gone, otherwise retrying at a whole second (the queue cuts fractions
// off, and no attempt may start before its time).
func (p Policy) Decide(d Delivery, r Result, now time.Time) (Outcome, error) {
	if !d.Status.Waiting() {
		return Outcome{}, fmt.Errorf("%w: an attempt ended while the delivery was in %s", ErrIllegalMove, d.Status)
	}
	// The first attempt, or the first after a manual retry, finds the delivery pending and is no retry.
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
	return Outcome{Delivery: d.moved(now), Attempt: attempt, DisableEndpoint: gone}, nil
}

// delay is what the receiver asked for, if it may ask, or else the schedule's.
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
