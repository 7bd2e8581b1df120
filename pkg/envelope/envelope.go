// Package envelope defines the JSON envelope of every API response. It is the only place that maps domain errors to HTTP statuses.
package envelope

import (
	"errors"
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// Success is the envelope of a successful response. Its status is always 200.
type Success struct {
	Code      int    `json:"code"`
	Data      any    `json:"data"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
}

// OK returns the envelope of data.
func OK(data any, requestID string) Success {
	return Success{Code: http.StatusOK, Data: data, Message: "success", RequestID: requestID}
}

// Failure is the envelope of an error. Message is a sentence for people. The reasons in Details are for programs.
type Failure struct {
	Code      int      `json:"code"`
	Message   string   `json:"message"`
	Details   []Detail `json:"details"`
	RequestID string   `json:"requestId"`
	// RetryAfter is the value of the Retry-After header. Zero omits the header.
	RetryAfter time.Duration `json:"-"`
}

// Detail is one problem of a request.
type Detail struct {
	Reason  string `json:"reason"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// statuses maps the codes of domain errors to HTTP statuses.
var statuses = map[webhook.Code]int{
	webhook.CodeInvalid:         http.StatusBadRequest,
	webhook.CodeUnauthenticated: http.StatusUnauthorized,
	webhook.CodeForbidden:       http.StatusForbidden,
	webhook.CodeNotFound:        http.StatusNotFound,
	webhook.CodeConflict:        http.StatusConflict,
	webhook.CodeRateLimited:     http.StatusTooManyRequests,
	webhook.CodeUnavailable:     http.StatusServiceUnavailable,
}

// Fail returns the envelope of an error. An error that is not a webhook.Error becomes 500 without its text, which is only logged.
func Fail(err error, requestID string) Failure {
	var known *webhook.Error
	if !errors.As(err, &known) {
		return Refuse(http.StatusInternalServerError, "internal_error", "something went wrong on our side; please quote the request id to the operator", requestID)
	}
	status, ok := statuses[known.Code]
	if !ok {
		status = http.StatusInternalServerError
	}
	details := make([]Detail, len(known.Details))
	for i, d := range known.Details {
		details[i] = Detail{Reason: d.Reason, Field: d.Field, Message: d.Message}
	}
	return Failure{Code: status, Message: known.Message, Details: details, RequestID: requestID, RetryAfter: known.RetryAfter}
}

// Refuse returns the envelope of an error of HTTP itself, such as an unknown route or a body that is too large.
func Refuse(status int, reason, message, requestID string) Failure {
	return Failure{Code: status, Message: message, Details: []Detail{{Reason: reason, Message: message}}, RequestID: requestID}
}
