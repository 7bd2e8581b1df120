package httpapi

import (
	"encoding/json"
	"strings"

	"redrive/pkg/webhook"
)

// The views are the JSON of the contract. A field without a value is left out. No field is null, apart from damaged data.

type endpointView struct {
	ID                   string   `json:"id"`
	OrganizationID       string   `json:"organizationId"`
	Name                 string   `json:"name"`
	URL                  string   `json:"url"`
	Description          string   `json:"description,omitempty"`
	SubscribedEventTypes []string `json:"subscribedEventTypes"`
	MaxRetries           int      `json:"maxRetries"`
	RateLimit            int      `json:"rateLimit"`
	// Headers encode as names with masked values.
	Headers         map[string]webhook.Secret `json:"headers,omitempty"`
	TimeoutSeconds  int                       `json:"timeoutSeconds,omitempty"`
	RetrySchedule   []int                     `json:"retrySchedule,omitempty"`
	Payload         string                    `json:"payload,omitempty"`
	SignatureHeader string                    `json:"signatureHeader,omitempty"`
	Metadata        map[string]string         `json:"metadata,omitempty"`
	Status          string                    `json:"status"`
	DisabledAt      webhook.Timestamp         `json:"disabledAt,omitzero"`
	DisabledReason  string                    `json:"disabledReason,omitempty"`
	PausedAt        webhook.Timestamp         `json:"pausedAt,omitzero"`
	FailingSince    webhook.Timestamp         `json:"failingSince,omitzero"`
	// ConsecutiveFailures is absent if it is 0.
	ConsecutiveFailures int64             `json:"consecutiveFailures,omitempty"`
	LastSuccessAt       webhook.Timestamp `json:"lastSuccessAt,omitzero"`
	DeletedAt           webhook.Timestamp `json:"deletedAt,omitzero"`
	CreatedBy           string            `json:"createdBy,omitempty"`
	CreatedAt           webhook.Timestamp `json:"createdAt"`
	UpdatedAt           webhook.Timestamp `json:"updatedAt"`
}

func viewEndpoint(e webhook.Endpoint) (endpointView, error) {
	subscriptions := e.SubscribedEventTypes
	if subscriptions == nil {
		subscriptions = []string{}
	}
	return endpointView{
		ID: e.ID, OrganizationID: e.OrganizationID, Name: e.Name, URL: e.URL, Description: e.Description,
		SubscribedEventTypes: subscriptions, MaxRetries: e.MaxRetries, RateLimit: e.RateLimit, Headers: e.Headers,
		TimeoutSeconds: e.TimeoutSeconds, RetrySchedule: e.RetrySchedule, Payload: string(e.Payload), SignatureHeader: e.SignatureHeader,
		Metadata: e.Metadata, Status: string(e.Status), DisabledAt: webhook.Timestamp(e.DisabledAt), DisabledReason: string(e.DisabledReason),
		PausedAt: webhook.Timestamp(e.PausedAt), FailingSince: webhook.Timestamp(e.Health.FailingSince),
		ConsecutiveFailures: e.Health.ConsecutiveFailures, LastSuccessAt: webhook.Timestamp(e.Health.LastSuccessAt), DeletedAt: webhook.Timestamp(e.DeletedAt), CreatedBy: e.CreatedBy, CreatedAt: webhook.Timestamp(e.CreatedAt), UpdatedAt: webhook.Timestamp(e.UpdatedAt),
	}, nil
}

type secretView struct {
	Endpoint      endpointView `json:"endpoint"`
	SigningSecret string       `json:"signingSecret"`
}

type eventView struct {
	ID             string            `json:"id"`
	OrganizationID string            `json:"organizationId"`
	EventType      string            `json:"eventType"`
	WorkflowID     string            `json:"workflowId,omitempty"`
	RunID          string            `json:"runId,omitempty"`
	ExecutionID    string            `json:"executionId,omitempty"`
	Data           json.RawMessage   `json:"data"`
	CreatedAt      webhook.Timestamp `json:"createdAt"`
}

func viewEvent(e webhook.Event) eventView {
	return eventView{
		ID: e.ID, OrganizationID: e.OrganizationID, EventType: e.Type,
		WorkflowID: e.WorkflowID, RunID: e.RunID, ExecutionID: e.ExecutionID, Data: e.Data, CreatedAt: webhook.Timestamp(e.CreatedAt),
	}
}

type deliveryView struct {
	ID              string            `json:"id"`
	OrganizationID  string            `json:"organizationId"`
	EndpointID      string            `json:"endpointId"`
	EventType       string            `json:"eventType"`
	WorkflowID      string            `json:"workflowId,omitempty"`
	RunID           string            `json:"runId,omitempty"`
	ExecutionID     string            `json:"executionId,omitempty"`
	Status          string            `json:"status"`
	RetryCount      int               `json:"retryCount"`
	MaxRetries      int               `json:"maxRetries"`
	NextRetryAt     webhook.Timestamp `json:"nextRetryAt,omitzero"`
	RequestHeaders  map[string]string `json:"requestHeaders,omitempty"`
	RequestBody     json.RawMessage   `json:"requestBody,omitempty"` // absent in a list without bodies
	ResponseStatus  int               `json:"responseStatus,omitempty"`
	ResponseHeaders map[string]string `json:"responseHeaders,omitempty"`
	ResponseBody    string            `json:"responseBody,omitempty"`
	DurationMs      *int64            `json:"durationMs,omitempty"` // a pointer, because an attempt may take 0 ms
	ErrorMessage    string            `json:"errorMessage,omitempty"`
	CreatedAt       webhook.Timestamp `json:"createdAt"`
	UpdatedAt       webhook.Timestamp `json:"updatedAt"`
}

// withoutStored returns the delivery without a body, for an event whose data is damaged.
func (v deliveryView) withoutStored() any {
	v.RequestBody = json.RawMessage("null")
	return v
}

func viewDelivery(r webhook.Record) (deliveryView, error) {
	body, err := r.Event.Body()
	if err != nil {
		return deliveryView{}, err
	}
	view, err := viewDeliveryWithoutBodies(r)
	view.RequestBody = body
	return view, err
}

// viewDeliveryWithoutBodies shows a delivery that was read without bodies.
func viewDeliveryWithoutBodies(r webhook.Record) (deliveryView, error) {
	d := r.Delivery
	view := deliveryView{
		ID: d.ID, OrganizationID: d.OrganizationID, EndpointID: d.EndpointID,
		EventType: r.Event.Type, WorkflowID: r.Event.WorkflowID, RunID: r.Event.RunID, ExecutionID: r.Event.ExecutionID,
		Status: string(d.Status), RetryCount: d.RetryCount, MaxRetries: d.MaxRetries, NextRetryAt: webhook.Timestamp(d.NextRetryAt),
		ErrorMessage: r.ErrorMessage(), CreatedAt: webhook.Timestamp(d.CreatedAt), UpdatedAt: webhook.Timestamp(d.UpdatedAt),
	}
	if a := r.LastAttempt; a != nil {
		milliseconds := a.Duration.Milliseconds()
		view.RequestHeaders = a.RequestHeaders
		view.ResponseStatus = a.ResponseStatus
		view.ResponseHeaders = a.ResponseHeaders
		view.ResponseBody = text(a.ResponseBody)
		view.DurationMs = &milliseconds
	}
	return view, nil
}

type attemptView struct {
	ID                    string            `json:"id"`
	DeliveryID            string            `json:"deliveryId"`
	Number                int               `json:"number"`
	StartedAt             webhook.Timestamp `json:"startedAt"`
	DurationMs            int64             `json:"durationMs"`
	Outcome               string            `json:"outcome"`
	RequestHeaders        map[string]string `json:"requestHeaders"`
	ResponseStatus        int               `json:"responseStatus,omitempty"`
	ResponseHeaders       map[string]string `json:"responseHeaders,omitempty"`
	ResponseBody          string            `json:"responseBody,omitempty"`
	ResponseBodyTruncated bool              `json:"responseBodyTruncated"`
	ErrorMessage          string            `json:"errorMessage,omitempty"`
	ErrorCode             string            `json:"errorCode,omitempty"`
	NextRetryAt           webhook.Timestamp `json:"nextRetryAt,omitzero"`
}

func viewAttempt(a webhook.Attempt) (attemptView, error) {
	requestHeaders := a.RequestHeaders
	if requestHeaders == nil {
		requestHeaders = map[string]string{}
	}
	return attemptView{
		ID: a.ID, DeliveryID: a.DeliveryID, Number: a.Number, StartedAt: webhook.Timestamp(a.StartedAt), DurationMs: a.Duration.Milliseconds(),
		Outcome: string(a.Outcome), RequestHeaders: requestHeaders, ResponseStatus: a.ResponseStatus,
		ResponseHeaders: a.ResponseHeaders, ResponseBody: text(a.ResponseBody), ResponseBodyTruncated: a.ResponseBodyTruncated,
		ErrorMessage: a.ErrorMessage, ErrorCode: string(a.ErrorCode), NextRetryAt: webhook.Timestamp(a.NextRetryAt),
	}, nil
}

// text converts the bytes that a receiver sent to valid UTF-8, which JSON requires.
func text(body []byte) string { return strings.ToValidUTF8(string(body), "\uFFFD") }
