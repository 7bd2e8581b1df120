package queue

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// MaxSummaryEndpoints is how many endpoints a Summary may describe. With the longest texts they take some 100 kB.
	MaxSummaryEndpoints = 256
	// MaxSummaryDeliveries is how many deliveries in flight a Summary may name.
	MaxSummaryDeliveries = 1024
	// MaxSummaryOrganizations is how many organizations a Summary may describe.
	MaxSummaryOrganizations = 64
	// maxSummaryText bounds each text of a Summary, in bytes.
	maxSummaryText = 160
)

// Summary is the part of a dispatcher's memory that explains why deliveries wait. It is complete, apart from what Dispatcher counts as
// omitted: an endpoint that it does not describe has a closed circuit and no attempt in flight.
type Summary struct {
	Dispatcher    DispatcherState
	Endpoints     map[string]EndpointState
	Organizations map[string]OrganizationState
	// Attempts are the deliveries that are being attempted, with the time at which the attempt began.
	Attempts map[string]time.Time
}

// DispatcherState is the state of one dispatcher.
type DispatcherState struct {
	// Host is the name of the machine or the container.
	Host string `json:"host,omitempty"`
	// Workers is how many deliveries the dispatcher handles at once.
	Workers int `json:"workers,omitempty"`
	// Lag is how long deliveries waited for the dispatcher since its last summary, if it was busy.
	Lag time.Duration `json:"lag,omitempty"`
	// Stopping means that the dispatcher takes no more deliveries.
	Stopping bool `json:"stopping,omitempty"`
	// Stalled says why the dispatcher starts no attempts. It is empty if it does.
	Stalled string `json:"stalled,omitempty"`
	// Limit is how many attempts an endpoint that the summary does not describe may have in flight.
	Limit int `json:"limit"`
	// LongestHold is how long past its due time an open circuit holds a delivery.
	LongestHold time.Duration `json:"longestHold"`
	// OmittedEndpoints, OmittedOrganizations and OmittedAttempts count those that should be in the summary and are not.
	OmittedEndpoints     int `json:"omittedEndpoints,omitempty"`
	OmittedOrganizations int `json:"omittedOrganizations,omitempty"`
	OmittedAttempts      int `json:"omittedAttempts,omitempty"`
}

// CircuitState is the state of an endpoint's circuit.
type CircuitState string

// The states of a circuit. CircuitUnknown is the state of a circuit that no dispatcher reports.
const (
	CircuitClosed   CircuitState = "closed"
	CircuitOpen     CircuitState = "open"
	CircuitHalfOpen CircuitState = "half_open"
	CircuitUnknown  CircuitState = "unknown"
)

// EndpointState is the state of an endpoint in one dispatcher.
type EndpointState struct {
	Circuit CircuitState `json:"circuit"`
	// Since is when a circuit that is not closed first opened, Reason why it opened last, and Until when an open one is probed.
	Since  time.Time `json:"since,omitzero"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// Probing means that a circuit that is half open or closing admits no further attempt until one in flight has ended.
	Probing bool `json:"probing,omitempty"`
	// Full means that there is no slot for another delivery, or that deliveries that are held get the next slots.
	Full bool `json:"full,omitempty"`
	// LimitedUntil is when the rate limit is expected to admit the next attempt. It may be up to a second ago, and is zero if the limit was
	// not used up within the last second.
	LimitedUntil time.Time `json:"limitedUntil,omitzero"`
	// InFlight is the number of attempts in flight, Limit how many there may be, and Held how many deliveries are held.
	InFlight int `json:"inFlight"`
	Limit    int `json:"limit"`
	Held     int `json:"held,omitempty"`
}

// OrganizationState is the state of an organization in one dispatcher.
type OrganizationState struct {
	// WithoutMemory is when a delivery of the organization last got no memory for its body.
	WithoutMemory time.Time `json:"withoutMemory,omitzero"`
}

// The fields of the hash that holds a summary.
const (
	dispatcherField         = "dispatcher"
	endpointFieldPrefix     = "endpoint:"
	organizationFieldPrefix = "organization:"
	attemptFieldPrefix      = "attempt:"
)

// encode returns the fields of the hash. Texts are shortened, and what is beyond the limits is left out and counted.
func (s Summary) encode() (map[string]string, error) {
	for id, endpoint := range s.Endpoints {
		endpoint.Reason = shortText(endpoint.Reason)
		s.Endpoints[id] = endpoint
	}
	s.Dispatcher.Stalled, s.Dispatcher.Host = shortText(s.Dispatcher.Stalled), shortText(s.Dispatcher.Host)
	fields := map[string]string{}
	var err error
	if s.Dispatcher.OmittedEndpoints, err = encodeFields(fields, endpointFieldPrefix, s.Endpoints, MaxSummaryEndpoints, s.Dispatcher.OmittedEndpoints); err != nil {
		return nil, err
	}
	if s.Dispatcher.OmittedOrganizations, err = encodeFields(fields, organizationFieldPrefix, s.Organizations, MaxSummaryOrganizations, s.Dispatcher.OmittedOrganizations); err != nil {
		return nil, err
	}
	if s.Dispatcher.OmittedAttempts, err = encodeFields(fields, attemptFieldPrefix, s.Attempts, MaxSummaryDeliveries, s.Dispatcher.OmittedAttempts); err != nil {
		return nil, err
	}
	return fields, encodeField(fields, dispatcherField, s.Dispatcher)
}

// encodeFields adds a field for each value, at most limit. It returns omitted and the number of values beyond the limit.
func encodeFields[T any](fields map[string]string, prefix string, values map[string]T, limit, omitted int) (int, error) {
	ids := slices.Sorted(maps.Keys(values)) // the same ones each time, so that an unchanged summary is not written again
	for _, id := range ids[:min(limit, len(ids))] {
		if err := encodeField(fields, prefix+id, values[id]); err != nil {
			return omitted, err
		}
	}
	return omitted + max(0, len(ids)-limit), nil
}

func encodeField(fields map[string]string, name string, value any) error {
	content, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode a summary: %w", err)
	}
	fields[name] = string(content)
	return nil
}

// shortText cuts a text between two characters.
func shortText(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= maxSummaryText {
		return text
	}
	end := maxSummaryText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
