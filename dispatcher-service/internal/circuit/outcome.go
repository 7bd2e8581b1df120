package circuit

import (
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// Outcome is what an attempt says about its endpoint. webhook.Policy decides about the delivery.
type Outcome int

// The outcomes.
const (
	Answered  Outcome = iota // in time, with any status that is not NoService
	Slow                     // answered likewise, but the attempt lasted as long as a timeout
	NoService                // the connection failed, or the status is 429, 502, 503 or 504
	TimedOut                 // the attempt had no answer and lasted as long as a timeout
)

// timeoutShare of the timeout counts as a timeout.
const timeoutShare = 0.8

// Served reports whether the receiver processed the webhook. A served attempt never opens a circuit.
func (o Outcome) Served() bool { return o == Answered || o == Slow }

// OutcomeOf classifies a result. The status is known once the response header has arrived: a body that never ends is Slow.
func OutcomeOf(r webhook.Result, timeout time.Duration) Outcome {
	late := r.Duration >= time.Duration(float64(timeout)*timeoutShare)
	switch r.ResponseStatus {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return NoService
	case 0:
		if late {
			return TimedOut
		}
		return NoService
	}
	if late {
		return Slow
	}
	return Answered
}
