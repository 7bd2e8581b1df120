package bulkhead

import (
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// outcome is the meaning of an attempt for its endpoint. webhook.Policy decides about the delivery.
type outcome int

const (
	answered  outcome = iota // in time, with any status but those of noService
	slow                     // answered likewise, but the attempt took as long as a timeout
	noService                // the connection failed, or the status is 429, 502, 503 or 504
	hung                     // the attempt timed out, or nearly so, without an answer
)

// served reports whether the receiver processed the webhook. A served attempt never opens a circuit.
func (o outcome) served() bool { return o == answered || o == slow }

// outcomeOf classifies a result. A status is known as soon as the header of the answer is: a body that never ends is slow.
func outcomeOf(r webhook.Result, timeout time.Duration) outcome {
	late := r.Duration >= time.Duration(float64(timeout)*hungShare)
	switch r.ResponseStatus {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return noService
	case 0:
		if late {
			return hung
		}
		return noService
	}
	if late {
		return slow
	}
	return answered
}
