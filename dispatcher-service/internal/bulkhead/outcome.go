package bulkhead

import (
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// outcome is what an attempt says about its endpoint; about the delivery, webhook.Policy decides.
type outcome int

const (
	answered  outcome = iota // in time, whatever the answer
	noService                // the receiver could not be reached, or does not want to be now
	hung                     // no answer in time, or next to none: a worker was held for nothing
)

func outcomeOf(r webhook.Result, timeout time.Duration) outcome {
	if r.Duration >= time.Duration(float64(timeout)*hungShare) {
		return hung
	}
	switch r.ResponseStatus {
	case 0, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return noService
	default:
		return answered
	}
}
