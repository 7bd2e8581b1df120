package webhook

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// EndpointSpec describes an endpoint to create. A nil MaxRetries means DefaultMaxRetries, and a nil SigningSecret means a generated one.
// Other fields that are empty mean what they mean in an Endpoint.
type EndpointSpec struct {
	Name                 string
	URL                  string
	Description          string
	MaxRetries           *int
	SubscribedEventTypes []string
	RateLimit            int
	Headers              map[string]Secret
	SigningSecret        *Secret
	TimeoutSeconds       int
	RetrySchedule        []int
	Payload              Payload
	SignatureHeader      string
	Metadata             map[string]string
	// Paused creates the endpoint paused.
	Paused bool
}

// Check returns an error with everything that is wrong with the spec. It does not check whether the URL is a permitted destination and
// whether the signing secret is well-formed.
func (s EndpointSpec) Check() error {
	var c check
	c.required("name", s.Name, maxEndpointName)
	c.url(s.URL)
	c.text("description", s.Description, maxDescription)
	if s.MaxRetries != nil {
		c.maxRetries(*s.MaxRetries)
	}
	c.subscriptions(s.SubscribedEventTypes)
	c.rateLimit(s.RateLimit)
	c.headers("headers", s.Headers)
	c.timeout(s.TimeoutSeconds)
	c.schedule(s.RetrySchedule)
	c.payload(s.Payload)
	c.signatureHeader(s.SignatureHeader)
	c.signatureHeaderApart(s.SignatureHeader, s.Headers)
	c.metadata(s.Metadata)
	return c.err()
}

// url refuses what no URL has. Package egress checks the rest.
func (c *check) url(text string) {
	switch {
	case text == "":
		c.add("required", "url", "url is required and must not be empty")
	case !plainText(text):
		c.add("invalid_url", "url", "url must be a URL, without control characters")
	}
}

func (c *check) maxRetries(retries int) {
	if retries < 0 || retries > MaxMaxRetries {
		c.add("out_of_range", "maxRetries", fmt.Sprintf("maxRetries must be between 0 and %d", MaxMaxRetries))
	}
}

func (c *check) subscriptions(entries []string) {
	if len(entries) > maxSubscriptions {
		c.add("too_many", "subscribedEventTypes", fmt.Sprintf("subscribedEventTypes must not have more than %d entries", maxSubscriptions))
	}
	for i, entry := range entries {
		if !CheckSubscription(entry) {
			c.add("invalid_event_type", fmt.Sprintf("subscribedEventTypes[%d]", i), "each entry must be an event type such as run.finished, a prefix such as run.*, or *")
			return
		}
	}
}

func (c *check) rateLimit(limit int) {
	if limit < 0 || limit > maxRateLimit {
		c.add("out_of_range", "rateLimit", fmt.Sprintf("rateLimit must be between 0, which means no limit, and %d requests a second", maxRateLimit))
	}
}

func (c *check) timeout(seconds int) {
	if seconds < 0 || seconds > MaxTimeoutSeconds {
		c.add("out_of_range", "timeoutSeconds", fmt.Sprintf("timeoutSeconds must be between 1 and %d", MaxTimeoutSeconds))
	}
}

func (c *check) schedule(delays []int) {
	if len(delays) > maxSchedule {
		c.add("too_many", "retrySchedule", fmt.Sprintf("retrySchedule must not have more than %d entries", maxSchedule))
	}
	for i, delay := range delays {
		if delay < 1 || delay > maxDelaySeconds {
			c.add("out_of_range", fmt.Sprintf("retrySchedule[%d]", i), fmt.Sprintf("each delay must be between 1 and %d seconds", maxDelaySeconds))
			return
		}
	}
}

func (c *check) payload(form Payload) {
	if form != "" && form != PayloadEnvelope && form != PayloadData {
		c.add("invalid_payload", "payload", fmt.Sprintf("payload must be %s or %s", PayloadEnvelope, PayloadData))
	}
}

func (c *check) signatureHeader(name string) {
	if name == "" {
		return
	}
	if reason, problem := checkHeaderName(name); reason != "" {
		c.add(reason, "signatureHeader", "signatureHeader "+problem)
	}
}

// signatureHeaderApart refuses a signature header that is also one of the custom headers.
func (c *check) signatureHeaderApart(name string, headers map[string]Secret) {
	if name == "" {
		return
	}
	for _, other := range slices.Sorted(maps.Keys(headers)) {
		if foldHeader(other) == foldHeader(name) {
			c.add("duplicate_header", "signatureHeader", "signatureHeader and one of headers are one header to a receiver; give one of them another name")
			return
		}
	}
}

// NewEndpoint makes an active endpoint from a checked spec.
func NewEndpoint(organizationID, createdBy string, spec EndpointSpec, secret Secret, now time.Time) Endpoint {
	maxRetries := DefaultMaxRetries
	if spec.MaxRetries != nil {
		maxRetries = *spec.MaxRetries
	}
	var pausedAt time.Time
	if spec.Paused {
		pausedAt = now
	}
	return Endpoint{
		ID:                   NewID(KindEndpoint, now),
		OrganizationID:       organizationID,
		Name:                 spec.Name,
		URL:                  spec.URL,
		Description:          spec.Description,
		SubscribedEventTypes: slices.Clone(spec.SubscribedEventTypes),
		MaxRetries:           maxRetries,
		RateLimit:            spec.RateLimit,
		Headers:              maps.Clone(spec.Headers),
		TimeoutSeconds:       spec.TimeoutSeconds,
		RetrySchedule:        slices.Clone(spec.RetrySchedule),
		Payload:              spec.Payload,
		SignatureHeader:      spec.SignatureHeader,
		Metadata:             maps.Clone(spec.Metadata),
		Status:               EndpointActive,
		PausedAt:             pausedAt,
		CreatedBy:            createdBy,
		CreatedAt:            now,
		UpdatedAt:            now,
		SigningSecrets:       []SigningSecret{{Value: secret}},
	}
}
