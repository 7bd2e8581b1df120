package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

const maxCorrelationID = 128

// Event is something that happened on the workflow platform. Data is JSON exactly as it was published: it is never parsed
// into numbers or maps, so that digits and order survive.
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

// EventSpec is what a publisher says about an event.
type EventSpec struct {
	Type        string
	WorkflowID  string
	RunID       string
	ExecutionID string
	Data        json.RawMessage
}

// Check says everything that is wrong with the spec. That Data is well-formed JSON is the decoder's to say.
func (s EventSpec) Check() error {
	var c check
	switch {
	case s.Type == "":
		c.add("required", "eventType", "eventType is required and must not be empty")
	case !CheckEventType(s.Type):
		c.add("invalid_event_type", "eventType", "eventType must be words of letters, digits, _ and - joined by dots, at most 128 characters")
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

// eventHead is all of a webhook's body but the data.
type eventHead struct {
	ID             string    `json:"id"`
	Type           string    `json:"type"`
	Timestamp      Timestamp `json:"timestamp"`
	OrganizationID string    `json:"organizationId"`
	WorkflowID     string    `json:"workflowId,omitempty"`
	RunID          string    `json:"runId,omitempty"`
	ExecutionID    string    `json:"executionId,omitempty"`
}

// Body is what is POSTed to a receiver. It depends on the event alone, so that every attempt, and every delivery of the
// event, sends the same bytes. The data goes out byte for byte as it came in: it was read once, when it was published.
func (e Event) Body() ([]byte, error) {
	const data, end = `,"data":`, "}\n" // what the encoder ends with, and the data goes before
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

// headSize is as much as there usually is beside the data, in bytes. More is only slower.
const headSize = 512

// Publication is an event with the deliveries that were made of it. They are kept together or not at all.
type Publication struct {
	Event      Event
	Deliveries []Delivery
}
