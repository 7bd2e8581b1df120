package webhook

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code is the class of an error. It says what the caller can do. The HTTP layer maps each code to one status.
type Code string

// The classes of errors.
const (
	CodeInvalid         Code = "invalid"         // the request is wrong, or the state does not allow it: correct it
	CodeUnauthenticated Code = "unauthenticated" // no valid API key
	CodeForbidden       Code = "forbidden"       // a valid key without permission
	CodeNotFound        Code = "not_found"       // no such resource in this organization
	CodeConflict        Code = "conflict"        // something in progress does not allow the request: try again later
	CodeRateLimited     Code = "rate_limited"    // too many requests: send fewer
	CodeUnavailable     Code = "unavailable"     // a server that Redrive needs is unavailable: try again later
	CodeInternal        Code = "internal"        // a bug or a failure in Redrive
)

// Detail is one problem of a request. Reason is a stable snake_case word for programs.
type Detail struct {
	Reason  string
	Field   string
	Message string
}

// Error is an error with a class, a sentence and details. Message and Details are shown to the caller. Err is the cause, for the log only.
type Error struct {
	Code    Code
	Message string
	Details []Detail
	// RetryAfter is how long the caller should wait before it tries again. It is zero if that does not apply.
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

// The errors of a retry, a replay or a cancellation that the state does not allow. Compare them with errors.Is.
var (
	ErrDeliveryNotFailed = Invalid("delivery_not_failed", "status",
		"only a delivery that has ended in failure can be retried; wait for it to end, or replay it to send the event again")
	ErrDeliveryNotWaiting = Invalid("delivery_not_waiting", "status",
		"only a delivery that is pending or retrying can be cancelled")
	ErrEndpointDisabled = Invalid("endpoint_disabled", "endpointId",
		"the endpoint is disabled; enable it first")
	ErrEndpointDeleted = Invalid("endpoint_deleted", "endpointId",
		"the endpoint was deleted; its deliveries can be read and not sent again")
)

// ErrRecordLarge refuses a retry whose record is larger than Retry.MaxBytes. It is for the caller in the process, which reserves the memory
// and retries without that limit. Compare it with errors.Is.
var ErrRecordLarge = errors.New("the record of the delivery is larger than the memory that was reserved for it")

// ErrLastAPIKey refuses to revoke an organization's last valid key with the scope read-write, because no other key could be created.
// Compare it with errors.Is.
var ErrLastAPIKey = Invalid("last_read_write_key", "id",
	"this is the organization's last valid key with the scope read-write; make another one first, or have the operator revoke it on the command line")

// ErrCreatorRevoked refuses to create an API key with a key that was revoked meanwhile. Compare it with errors.Is.
var ErrCreatorRevoked = &Error{
	Code:    CodeUnauthenticated,
	Message: "the API key of the request was revoked meanwhile",
	Details: []Detail{{Reason: "unauthenticated", Field: "Authorization", Message: "use another API key"}},
}

// Invalid returns an error with one detail about one field of a request.
func Invalid(reason, field, message string) *Error {
	return InvalidAll([]Detail{{Reason: reason, Field: field, Message: message}})
}

// InvalidAll returns an error with several details. Its message is the first detail's. Details must not be empty.
func InvalidAll(details []Detail) *Error {
	return &Error{Code: CodeInvalid, Message: details[0].Message, Details: details}
}

// NotFound returns the error for a resource that does not exist or belongs to another organization.
func NotFound(what, id string) *Error {
	return &Error{
		Code:    CodeNotFound,
		Message: fmt.Sprintf("there is no %s %s in this organization", what, id),
		Details: []Detail{{Reason: strings.ToLower(strings.ReplaceAll(what, " ", "_")) + "_not_found", Field: "id", Message: "check the id, and that the API key belongs to the organization that owns it"}},
	}
}

// RateLimited returns the error for too many requests. The next request is accepted after retryAfter.
func RateLimited(retryAfter time.Duration, message string) *Error {
	return &Error{
		Code:       CodeRateLimited,
		Message:    message,
		Details:    []Detail{{Reason: "rate_limited", Message: "wait for as many seconds as the header Retry-After says, and send requests more slowly"}},
		RetryAfter: retryAfter,
	}
}

// Unavailable returns the error for a database that did not answer. The caller should try again after retryAfter.
func Unavailable(retryAfter time.Duration, err error) *Error {
	return &Error{
		Code:       CodeUnavailable,
		Message:    "the service cannot reach its database at the moment; try again shortly",
		Details:    []Detail{{Reason: "database_unavailable", Message: "whether this request was carried out is not known; repeat it with the same idempotency key, or look whether what it creates is there"}},
		RetryAfter: retryAfter,
		Err:        err,
	}
}

// Overloaded returns the error for a request that this process has no memory for. The caller should try again after retryAfter.
func Overloaded(retryAfter time.Duration, err error) *Error {
	return &Error{
		Code:       CodeUnavailable,
		Message:    "the service is busy with large requests at the moment; try again shortly",
		Details:    []Detail{{Reason: "out_of_memory", Message: "nothing was done; wait for as many seconds as the header Retry-After says, and ask for smaller pages or send smaller batches"}},
		RetryAfter: retryAfter,
		Err:        err,
	}
}

// CodeOf returns the code of an error. It is CodeInternal for an error without a code.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
