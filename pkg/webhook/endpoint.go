package webhook

import (
	"fmt"
	"log/slog"
	"time"
)

// EndpointStatus says whether deliveries are sent to an endpoint.
type EndpointStatus string

// The statuses of an endpoint.
const (
	EndpointActive   EndpointStatus = "active"
	EndpointDisabled EndpointStatus = "disabled"
)

// DisabledReason says why an endpoint is disabled. It is empty for an endpoint that a version before the reasons has disabled.
type DisabledReason string

// The reasons why an endpoint is disabled.
const (
	DisabledManually DisabledReason = "manual"
	DisabledGone     DisabledReason = "gone"    // the receiver answered 410 Gone
	DisabledFailing  DisabledReason = "failing" // no attempt has succeeded for Operations.FailingAfter
)

// Payload is the form of the body that an endpoint is sent. Empty means PayloadEnvelope.
type Payload string

// The forms of a body.
const (
	PayloadEnvelope Payload = "envelope" // an object with the event's fields and its data
	PayloadData     Payload = "data"     // the published data alone; headers have the event's fields
)

// Limits of an endpoint.
const (
	DefaultMaxRetries  = 5
	MaxMaxRetries      = 20
	maxEndpointName    = 128
	maxDescription     = 1024
	maxSubscriptions   = 100
	maxSigningSecrets  = 50 // that sign at the same time; each adds a signature of about 50 bytes to a header
	DefaultSecretGrace = 24 * time.Hour
	maxOverlapHours    = 7 * 24
	maxRateLimit       = 10_000
	// MaxTimeoutSeconds is the longest timeout of an attempt that an endpoint may set.
	MaxTimeoutSeconds = 30
	maxSchedule       = 20
	maxDelaySeconds   = 24 * 60 * 60
)

// Endpoint is a receiver of an organization's events.
type Endpoint struct {
	ID                   string
	OrganizationID       string
	Name                 string
	URL                  string
	Description          string
	SubscribedEventTypes []string
	MaxRetries           int
	// RateLimit is the largest number of requests per second. 0 means no limit.
	RateLimit int
	// Headers are the custom headers of every attempt. Their values are set only for sending. ListActiveEndpoints of the store returns no
	// headers at all.
	Headers map[string]Secret
	// TimeoutSeconds bounds each attempt. 0 means the dispatcher's own timeout.
	TimeoutSeconds int
	// RetrySchedule holds the delays before the first, second, … retry in seconds. The last one repeats. Empty means the dispatcher's own
	// schedule.
	RetrySchedule []int
	Payload       Payload
	// SignatureHeader is the name of a header with a plain HMAC of the body. Empty means none.
	SignatureHeader string
	// Metadata belongs to the organization. Redrive only stores it.
	Metadata       map[string]string
	Status         EndpointStatus
	DisabledAt     time.Time
	DisabledReason DisabledReason
	// PausedAt is zero unless the endpoint is paused.
	PausedAt time.Time
	// DeletedAt is zero unless the endpoint was deleted.
	DeletedAt time.Time
	// OrganizationDeleted means that the endpoint's organization was deleted and can still be restored. It is set only for sending.
	OrganizationDeleted bool

	CreatedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
	// Health is set where an endpoint is shown, and not where deliveries are made or sent.
	Health Health
	// SigningSecrets holds the newest first. They are set only for signing and for a rotation.
	SigningSecrets []SigningSecret
}

// Secret is a text that prints, logs and encodes as asterisks, so that it is not shown by accident.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

func (Secret) String() string { return "****" }

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text from JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SigningSecret is one of an endpoint's secrets. ExpiresAt is zero for the current one.
type SigningSecret struct {
	Value     Secret
	ExpiresAt time.Time
}

// LiveSecrets returns the secrets that sign at the time, the current one first.
func (e Endpoint) LiveSecrets(now time.Time) []Secret {
	var live []Secret
	for _, s := range e.SigningSecrets {
		if s.ExpiresAt.IsZero() || s.ExpiresAt.After(now) {
			live = append(live, s.Value)
		}
	}
	return live
}

// Overlap returns how long older secrets sign beside a new one. A nil value means DefaultSecretGrace.
func Overlap(hours *int) (time.Duration, error) {
	switch {
	case hours == nil:
		return DefaultSecretGrace, nil
	case *hours < 0 || *hours > maxOverlapHours:
		return 0, Invalid("out_of_range", "overlapHours", fmt.Sprintf("overlapHours must be between 0, which ends the secrets before at once, and %d", maxOverlapHours))
	}
	return time.Duration(*hours) * time.Hour, nil
}

// RotatedSecrets returns the secrets after a rotation. The new secret is current. The previous one signs for the overlap, so that a
// receiver can switch without refusing a delivery. Older secrets sign until they expire, and expired ones are dropped. An overlap of 0
// drops all older secrets, for a secret that has leaked. RotatedSecrets returns an error if too many secrets would sign, because no secret
// may end before its time.
func (e Endpoint) RotatedSecrets(secret Secret, overlap time.Duration, now time.Time) ([]SigningSecret, error) {
	rotated := []SigningSecret{{Value: secret}}
	if overlap == 0 {
		return rotated, nil
	}
	var earliest time.Time
	for _, s := range e.SigningSecrets {
		if s.ExpiresAt.IsZero() {
			s.ExpiresAt = now.Add(overlap)
		}
		if !s.ExpiresAt.After(now) {
			continue
		}
		rotated = append(rotated, s)
		if earliest.IsZero() || s.ExpiresAt.Before(earliest) {
			earliest = s.ExpiresAt
		}
	}
	if len(rotated) > maxSigningSecrets {
		return nil, Invalid("too_many_secrets", "signingSecret", fmt.Sprintf(
			"the endpoint already has %d secrets that sign, which is the limit; wait until %s, when one of them ends, or regenerate with overlapHours 0 to end them all at once",
			maxSigningSecrets, FormatTime(earliest)))
	}
	return rotated, nil
}
