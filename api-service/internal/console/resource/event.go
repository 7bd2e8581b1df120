package resource

import (
	"encoding/json"
	"time"
)

// Event is an event. Its data may be left out.
type Event struct {
	ID          string          `json:"id"`
	EventType   string          `json:"eventType"`
	WorkflowID  string          `json:"workflowId"`
	RunID       string          `json:"runId"`
	ExecutionID string          `json:"executionId"`
	Data        json.RawMessage `json:"data"`
	CreatedAt   time.Time       `json:"createdAt"`
}

// FanOut is an event with its deliveries, and with the endpoints that it made none for.
type FanOut struct {
	Event      Event `json:"event"`
	Deliveries []struct {
		ID         string `json:"id"`
		EndpointID string `json:"endpointId"`
		Status     string `json:"status"`
		ReplayOf   string `json:"replayOf"`
	} `json:"deliveries"`
	WithoutDelivery []struct {
		EndpointID string `json:"endpointId"`
		Reason     string `json:"reason"`
	} `json:"withoutDelivery"`
}

// Published is an event that was published, with its deliveries.
type Published struct {
	Event      Event `json:"event"`
	Deliveries []struct {
		ID         string `json:"id"`
		EndpointID string `json:"endpointId"`
	} `json:"deliveries"`
}

// EventType is an entry of the catalogue of event types.
type EventType struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Sample      json.RawMessage `json:"sample"`
	Deprecated  bool            `json:"deprecated"`
}
