package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

const maxCorrelationID = 128

// Event is a published event of the workflow platform. Data is the JSON exactly as it was published. It is never decoded into numbers or
// maps, so that digits and order stay the same.
type Event struct {
	ID             string
	OrganizationID string
	Type           string
	WorkflowID     string
	RunID          string
	ExecutionID    string
	Data           json.RawMessage
	CreatedAt      time.Time
}

// EventSpec describes an event to publish.
type EventSpec struct {
	Type        string
	WorkflowID  string
	RunID       string
	ExecutionID string
	Data        json.RawMessage
	// IdempotencyKey makes a repetition of the event a duplicate. Optional.
	IdempotencyKey string
}

// Check returns an error with everything that is wrong with the spec of an event to publish. The decoder has checked that Data is
// well-formed JSON.
func (s EventSpec) Check() error { return s.checkReserved("") }

// CheckTest is Check for a test delivery, which may also have the type EventTypeTest.
func (s EventSpec) CheckTest() error { return s.checkReserved(EventTypeTest) }

// checkReserved is Check with one reserved type allowed.
func (s EventSpec) checkReserved(allowed string) error {
	var c check
	switch {
	case s.Type == "":
		c.add("required", "eventType", "eventType is required and must not be empty")
	case !CheckEventType(s.Type):
		c.add("invalid_event_type", "eventType", "eventType must be words of letters, digits, _ and - joined by dots, at most 128 characters")
	case ReservedEventType(s.Type) && s.Type != allowed:
		c.add("reserved_event_type", "eventType", "event types that begin with "+ReservedPrefix+" are Redrive's own; choose another name")
	}
	switch {
	case len(s.Data) == 0:
		c.add("required", "data", "data is required and must be a JSON object")
	case s.Data[0] != '{':
		c.add("invalid_type", "data", "data must be a JSON object")
	}
	c.text("workflowId", s.WorkflowID, maxCorrelationID)
	c.text("runId", s.RunID, maxCorrelationID)
	c.text("executionId", s.ExecutionID, maxCorrelationID)
	if s.IdempotencyKey != "" && !validIdempotencyKey(s.IdempotencyKey, MaxIdempotencyKey) {
		c.add("invalid_idempotency_key", "idempotencyKey", idempotencyKeyRule("idempotencyKey", MaxIdempotencyKey))
	}
	return c.err()
}

// NewEvent makes an event from a checked spec.
func NewEvent(organizationID string, spec EventSpec, now time.Time) Event {
	return Event{
		ID:             NewID(KindEvent, now),
		OrganizationID: organizationID,
		Type:           spec.Type,
		WorkflowID:     spec.WorkflowID,
		RunID:          spec.RunID,
		ExecutionID:    spec.ExecutionID,
		Data:           bytes.Clone(spec.Data),
		CreatedAt:      now,
	}
}

// The headers that carry the event's fields if the body is the data alone. See PayloadData.
const (
	HeaderEventType      = "Webhook-Event-Type"
	HeaderEventID        = "Webhook-Event-Id"
	HeaderEventTimestamp = "Webhook-Event-Timestamp"
)

// eventHead is the body of a webhook without the data.
type eventHead struct {
	ID             string    `json:"id"`
	Type           string    `json:"type"`
	Timestamp      Timestamp `json:"timestamp"`
	OrganizationID string    `json:"organizationId"`
	WorkflowID     string    `json:"workflowId,omitempty"`
	RunID          string    `json:"runId,omitempty"`
	ExecutionID    string    `json:"executionId,omitempty"`
}

// Body returns the body of the POST to a receiver. It depends on the event alone, so that every attempt of every delivery of the event sends
// the same bytes. The data has the bytes that were published.
func (e Event) Body() ([]byte, error) {
	const data, end = `,"data":`, "}\n" // the data is inserted before the end that the encoder writes
	var body bytes.Buffer
	body.Grow(headSize + len(e.Data))
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(eventHead{e.ID, e.Type, Timestamp(e.CreatedAt), e.OrganizationID, e.WorkflowID, e.RunID, e.ExecutionID})
	if err != nil {
		return nil, fmt.Errorf("encode the body of event %s: %w", e.ID, err)
	}
	body.Truncate(body.Len() - len(end))
	body.WriteString(data)
	body.Write(e.Data)
	body.WriteByte('}')
	return body.Bytes(), nil
}

// headSize is the usual size of the body without the data, in bytes. A larger body is correct but allocates again.
const headSize = 512

// Publication is an event with its deliveries. They are committed together.
type Publication struct {
	Event      Event
	Deliveries []Delivery
	// Key is the idempotency key of the event, or nil. An event whose key is taken is not created.
	Key *IdempotencyKey
}
