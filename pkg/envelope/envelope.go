// Package envelope is the frame around every answer of the API, and the one place where an error of the domain becomes an
// HTTP status.
package envelope

import (
	"errors"
	"net/http"
	"time"

	"redrive/pkg/webhook"
)

// Success frames what was asked for. Its status is always 200.
type Success struct {
	Code      int    `json:"code"`
	Data      any    `json:"data"`
	Message   string `json:"message"`
	RequestID string `json:"requestId"`
}

// OK frames data.
func OK(data any, requestID string) Success {
	return Success{Code: http.StatusOK, Data: data, Message: "success", RequestID: requestID}
}

// Failure frames an error: a plain sentence for people, and details whose reasons are for programs.
type Failure struct {
	Code      int      `json:"code"`
	Message   string   `json:"message"`
	Details   []Detail `json:"details"`
	RequestID string   `json:"requestId"`
	// RetryAfter goes into the header of that name; zero leaves it out.
	RetryAfter time.Duration `json:"-"`
}

// Detail is one thing that was wrong.
type Detail struct {
	Reason  string `json:"reason"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// statuses says what each class of error is in HTTP.
var statuses = map[webhook.Code]int{
	webhook.CodeInvalid:         http.StatusBadRequest,
	webhook.CodeUnauthenticated: http.StatusUnauthorized,
	webhook.CodeForbidden:       http.StatusForbidden,
	webhook.CodeNotFound:        http.StatusNotFound,
	webhook.CodeRateLimited:     http.StatusTooManyRequests,
	webhook.CodeUnavailable:     http.StatusServiceUnavailable,
}

// Fail frames an error of the domain. What has no class is our fault: its text stays in the logs.
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

// Refuse frames an error that HTTP itself knows: no such route, a body too large.
func Refuse(status int, reason, message, requestID string) Failure {
	return Failure{Code: status, Message: message, Details: []Detail{{Reason: reason, Message: message}}, RequestID: requestID}
}
