package webhook

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EventFilter selects events of an organization. Other fields than OrganizationID are optional.
type EventFilter struct {
	OrganizationID string
	Type           string
	WorkflowID     string
	RunID          string
	ExecutionID    string
	From           time.Time // inclusive
	To             time.Time // exclusive
}

// DeliveryFilter selects deliveries of an organization. Other fields than OrganizationID are optional.
type DeliveryFilter struct {
	OrganizationID string
	EndpointID     string
	EventID        string
	// Statuses are the statuses that a delivery may have. Empty allows every status.
	Statuses []Status
	// FailureReason is a reason that RecordedReason returns.
	FailureReason FailureReason
	// ErrorCode and ResponseStatus are about the last attempt.
	ErrorCode      ErrorCode
	ResponseStatus StatusRange
	// BulkJobID is the latest bulk job that has requeued, made or cancelled the delivery.
	BulkJobID   string
	EventType   string
	WorkflowID  string
	RunID       string
	ExecutionID string
	From        time.Time // inclusive, of the creation
	To          time.Time // exclusive
	// None selects no delivery, whatever the other fields say.
	None bool
	// FailedBefore selects deliveries that failed before a time, by the clock of the database. Zero selects all.
	FailedBefore time.Time
}

// Searches reports whether the filter selects by more than the endpoint.
func (f DeliveryFilter) Searches() bool {
	return f.None || !f.FailedBefore.IsZero() || f.EventID != "" || len(f.Statuses) > 0 || f.FailureReason != "" || f.ErrorCode != "" || f.ResponseStatus != (StatusRange{}) ||
		f.BulkJobID != "" || f.EventType != "" || f.WorkflowID != "" || f.RunID != "" || f.ExecutionID != "" || !f.From.IsZero() || !f.To.IsZero()
}

// StatusRange is a range of HTTP statuses, both inclusive. The zero value selects nothing in particular.
type StatusRange struct{ Low, High int }

// Includes reports whether the range has the status.
func (r StatusRange) Includes(status int) bool { return r.Low <= status && status <= r.High }

var statusPattern = regexp.MustCompile(`^[1-9]([0-9]{2}|xx)$`)

// ParseStatusRange parses one HTTP status, or a class such as 5xx.
func ParseStatusRange(field, text string) (StatusRange, error) {
	if !statusPattern.MatchString(text) {
		return StatusRange{}, Invalid("invalid_response_status", field, field+" must be an HTTP status such as 503, or a class such as 5xx")
	}
	low, _ := strconv.Atoi(strings.ReplaceAll(text, "x", "0"))
	high, _ := strconv.Atoi(strings.ReplaceAll(text, "x", "9"))
	return StatusRange{low, high}, nil
}

// Statuses are all statuses of a delivery.
var Statuses = []Status{StatusPending, StatusRetrying, StatusSuccess, StatusFailure}

// ParseStatuses parses one or several statuses, separated by commas.
func ParseStatuses(field, text string) ([]Status, error) {
	var statuses []Status
	for word := range strings.SplitSeq(text, ",") {
		status := Status(word)
		if !slices.Contains(Statuses, status) {
			return nil, Invalid("invalid_status", field, field+" must be pending, retrying, success or failure, or several of them joined by commas")
		}
		if !slices.Contains(statuses, status) {
			statuses = append(statuses, status)
		}
	}
	return statuses, nil
}

// FailureReasons are the reasons that a failed delivery may have.
var FailureReasons = []FailureReason{
	FailureExhausted, FailureGone, FailureEndpointDisabled, FailureEndpointDeleted, FailureCancelled, FailureOrphaned, FailureEventMissing, FailureEndpointMissing,
}

// ParseFailureReason parses a reason of a failure.
func ParseFailureReason(field, text string) (FailureReason, error) {
	if !slices.Contains(FailureReasons, FailureReason(text)) {
		return "", Invalid("invalid_failure_reason", field, fmt.Sprintf("%s must be one of %v", field, FailureReasons))
	}
	return FailureReason(text), nil
}

// ParseErrorCode parses the kind of a failed attempt.
func ParseErrorCode(field, text string) (ErrorCode, error) {
	if !ErrorCode(text).Known() {
		return "", Invalid("invalid_error_code", field, fmt.Sprintf("%s must be one of %v", field, ErrorCodes))
	}
	return ErrorCode(text), nil
}

// ParseEventType parses the type of an event to search for.
func ParseEventType(field, text string) (string, error) {
	if !CheckEventType(text) {
		return "", Invalid("invalid_event_type", field, field+" must be words of letters, digits, _ and - joined by dots, at most 128 characters")
	}
	return text, nil
}

// ParseCorrelationID parses the ID of a workflow, a run or an execution to search for.
func ParseCorrelationID(field, text string) (string, error) {
	var c check
	if text == "" {
		c.add("required", field, field+" must not be empty; leave it out to search for all")
	}
	c.text(field, text, maxCorrelationID)
	return text, c.err()
}

// RecordedReason returns the reason of a failed delivery. It is empty for a delivery that has not failed.
func (r Record) RecordedReason() FailureReason {
	switch {
	case r.Delivery.Status != StatusFailure:
		return ""
	case r.Delivery.FailureReason != "":
		return r.Delivery.FailureReason
	case r.LastAttempt != nil && r.LastAttempt.ResponseStatus == http.StatusGone:
		return FailureGone
	}
	return FailureExhausted
}

// Possible returns the statuses that a delivery selected by the filter can have. A delivery whose last attempt failed is not a success.
func (f DeliveryFilter) Possible() []Status {
	if f.None {
		return nil
	}
	statuses := f.Statuses
	if len(statuses) == 0 {
		statuses = Statuses
	}
	return slices.DeleteFunc(slices.Clone(statuses), func(s Status) bool {
		switch {
		case f.FailureReason != "" && s != StatusFailure:
			return true
		case f.ErrorCode != "" && s == StatusSuccess:
			return true
		case f.ResponseStatus != (StatusRange{}) && s == StatusSuccess:
			return f.ResponseStatus.Low > 299 || f.ResponseStatus.High < 200
		}
		return false
	})
}
