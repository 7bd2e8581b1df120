package e2e

import (
	"encoding/json"
	"time"
)

// These are the API's answers as a client decodes them that knows only the contract.

type endpoint struct {
	ID                   string
	OrganizationID       string
	Name                 string
	URL                  string
	Description          string
	SubscribedEventTypes []string
	MaxRetries           int
	RateLimit            int
	Headers              map[string]string
	Status               string
	DisabledAt           time.Time
	PausedAt             time.Time
	DeletedAt            time.Time
	CreatedBy            string
	CreatedAt            time.Time
	UpdatedAt            time.Time
}

type endpointSecret struct {
	Endpoint      endpoint
	SigningSecret string
}

type event struct {
	ID        string
	EventType string
	RunID     string
	Data      json.RawMessage
	CreatedAt time.Time
}

type published struct {
	Event      event
	Deliveries []publishedDelivery
}

// publishedDelivery has the fields of a delivery in the answer to publishing.
type publishedDelivery struct{ ID, EndpointID string }

type delivery struct {
	ID              string
	OrganizationID  string
	EndpointID      string
	EventType       string
	WorkflowID      string
	RunID           string
	ExecutionID     string
	Status          string
	RetryCount      int
	MaxRetries      int
	NextRetryAt     time.Time
	RequestHeaders  map[string]string
	RequestBody     json.RawMessage
	ResponseStatus  int
	ResponseHeaders map[string]string
	ResponseBody    string
	DurationMs      *int
	ErrorMessage    string
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// The statuses of a delivery.
const (
	pending  = "pending"
	retrying = "retrying"
	success  = "success"
	failure  = "failure"
)

type attempt struct {
	ID             string
	DeliveryID     string
	Number         int
	StartedAt      time.Time
	Outcome        string
	RequestHeaders map[string]string
	ResponseStatus int
	ResponseBody   string
	ErrorMessage   string
	NextRetryAt    time.Time
}

type page[T any] struct {
	Items      []T
	HasMore    bool
	Limit      int
	Offset     int
	NextCursor string
}

// problem is an answer of the 400 or 500 family.
type problem struct {
	Code      int
	Message   string
	Details   []detail
	RequestID string
}

type detail struct{ Reason, Field, Message string }
