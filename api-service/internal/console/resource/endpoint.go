package resource

import (
	"encoding/json"
	"time"
)

// Endpoint is an endpoint. The values of its headers are masked.
type Endpoint struct {
	ID                   string            `json:"id"`
	Name                 string            `json:"name"`
	URL                  string            `json:"url"`
	Description          string            `json:"description"`
	SubscribedEventTypes []string          `json:"subscribedEventTypes"`
	MaxRetries           int               `json:"maxRetries"`
	RateLimit            int               `json:"rateLimit"`
	Headers              map[string]string `json:"headers"`
	TimeoutSeconds       int               `json:"timeoutSeconds"`
	RetrySchedule        []int             `json:"retrySchedule"`
	Payload              string            `json:"payload"`
	SignatureHeader      string            `json:"signatureHeader"`
	Metadata             map[string]string `json:"metadata"`
	Status               string            `json:"status"`
	DisabledAt           time.Time         `json:"disabledAt"`
	DisabledReason       string            `json:"disabledReason"`
	PausedAt             time.Time         `json:"pausedAt"`
	FailingSince         time.Time         `json:"failingSince"`
	ConsecutiveFailures  int64             `json:"consecutiveFailures"`
	LastSuccessAt        time.Time         `json:"lastSuccessAt"`
	CreatedBy            string            `json:"createdBy"`
	CreatedAt            time.Time         `json:"createdAt"`
	UpdatedAt            time.Time         `json:"updatedAt"`
}

// Disabled reports whether nothing is sent to the endpoint until it is enabled.
func (e Endpoint) Disabled() bool { return e.Status == "disabled" }

// Paused reports whether deliveries to the endpoint wait until it is resumed.
func (e Endpoint) Paused() bool { return !e.PausedAt.IsZero() }

// State is the name of the state to show: the one that decides whether something is sent.
func (e Endpoint) State() string {
	switch {
	case e.Disabled():
		return "disabled"
	case e.Paused():
		return "paused"
	case !e.FailingSince.IsZero():
		return "failing"
	}
	return e.Status
}

// WithSecret is an endpoint with its new signing secret, which is shown once.
type WithSecret struct {
	Endpoint      Endpoint `json:"endpoint"`
	SigningSecret string   `json:"signingSecret"`
}

// Change is a change of an endpoint.
type Change struct {
	At         time.Time       `json:"at"`
	EndpointID string          `json:"endpointId"`
	Change     string          `json:"change"`
	By         string          `json:"by"`
	Reason     string          `json:"reason"`
	Before     json.RawMessage `json:"before"`
	After      json.RawMessage `json:"after"`
}
