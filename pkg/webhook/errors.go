package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the class of an error: what the caller can do about it. The HTTP layer maps each to one status.
type Code string

// The classes of errors.
const (
	CodeInvalid         Code = "invalid"         // the request is wrong, or the state does not allow it: mend it
	CodeUnauthenticated Code = "unauthenticated" // no valid API key
	CodeForbidden       Code = "forbidden"       // a valid key that may not do this
	CodeNotFound        Code = "not_found"       // no such resource in this organization
	CodeRateLimited     Code = "rate_limited"    // too many requests: send fewer
	CodeUnavailable     Code = "unavailable"     // a server that we need is away: try again later
	CodeInternal        Code = "internal"        // our fault
)

// Detail is one thing that was wrong. Reason is a stable snake_case word that a program may switch on.
type Detail struct {
	Reason  string
	Field   string
	Message string
}

// Error is an error with a class and, for whoever made the request, a plain sentence and its details. What is shown to a
// caller is Message and Details; Err is the cause and meant for logs.
type Error struct {
	Code    Code
	Message string
	Details []Detail
	// RetryAfter is how long to wait before trying again; zero when it does not apply.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	text := e.Message
	if len(e.Details) > 0 {
		reasons := make([]string, len(e.Details))
		for i, d := range e.Details {
			reasons[i] = d.Reason
		}
		text += " (" + strings.Join(reasons, ", ") + ")"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// The states that refuse a retry or a replay, compared with errors.Is.
var (
	ErrDeliveryNotFailed = Invalid("delivery_not_failed", "status",
		"only a delivery that has ended in failure can be retried; wait for it to end, or replay it to send the event again")
	ErrEndpointDisabled = Invalid("endpoint_disabled", "endpointId",
		"the endpoint is disabled; enable it first")
)

// ErrLastAPIKey refuses to revoke the key without which nobody of the organization could make another, compared with errors.Is.
var ErrLastAPIKey = Invalid("last_read_write_key", "id",
	"this is the organization's last valid key with the scope read-write; make another one first, or have the operator revoke it on the command line")

// Invalid is an error of one detail about one field of a request.
func Invalid(reason, field, message string) *Error {
	return InvalidAll([]Detail{{Reason: reason, Field: field, Message: message}})
}

// InvalidAll is an error of everything that is wrong with a request; its message is the first detail's.
func InvalidAll(details []Detail) *Error {
	return &Error{Code: CodeInvalid, Message: details[0].Message, Details: details}
}

// NotFound says that there is no such resource in the organization, whether it is missing or another organization's.
func NotFound(what, id string) *Error {
	return &Error{
		Code:    CodeNotFound,
		Message: fmt.Sprintf("there is no %s %s in this organization", what, id),
		Details: []Detail{{Reason: strings.ToLower(strings.ReplaceAll(what, " ", "_")) + "_not_found", Field: "id", Message: "check the id, and that the API key belongs to the organization that owns it"}},
	}
}

// RateLimited says that somebody sends too many requests; retryAfter is when the next one would be taken.
func RateLimited(retryAfter time.Duration, message string) *Error {
	return &Error{
		Code:       CodeRateLimited,
		Message:    message,
		Details:    []Detail{{Reason: "rate_limited", Message: "wait for as many seconds as the header Retry-After says, and send requests more slowly"}},
		RetryAfter: retryAfter,
	}
}

// Unavailable says that a server we depend on did not answer; retryAfter is when it is worth another try.
func Unavailable(retryAfter time.Duration, err error) *Error {
	return &Error{
		Code:       CodeUnavailable,
		Message:    "the service cannot reach its database at the moment; try again shortly",
		Details:    []Detail{{Reason: "database_unavailable", Message: "whether this request was carried out is not known; before you repeat one that creates something, look whether it is there"}},
		RetryAfter: retryAfter,
		Err:        err,
	}
}

// CodeOf returns the class of an error, CodeInternal for one that has none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
