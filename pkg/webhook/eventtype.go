package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// EventType is an entry of the catalogue of event types, which all organizations share. Types that are not in the catalogue are allowed.
type EventType struct {
	Name        string
	Description string
	Sample      json.RawMessage // an object, or nil
	Deprecated  bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// maxSample is the largest sample, in bytes.
const maxSample = 64 << 10

// EventTypeChange describes a change of an event type. A nil field keeps its value.
type EventTypeChange struct {
	Description *string
	Sample      *json.RawMessage // nil in it: no sample
	Deprecated  *bool
}

// Check returns an error with everything that is wrong with the change.
func (c EventTypeChange) Check() error {
	var wrong check
	if c.Description != nil {
		wrong.text("description", *c.Description, maxDescription)
	}
	if c.Sample != nil && len(*c.Sample) > 0 {
		switch {
		case (*c.Sample)[0] != '{':
			wrong.add("invalid_type", "sample", "sample must be an object")
		case len(*c.Sample) > maxSample:
			wrong.add("too_long", "sample", fmt.Sprintf("sample must not be larger than %d bytes", maxSample))
		}
	}
	return wrong.err()
}

// Apply returns the event type with the change.
func (c EventTypeChange) Apply(t EventType) EventType {
	t.Description = changed(t.Description, c.Description)
	t.Sample = changed(t.Sample, c.Sample)
	t.Deprecated = changed(t.Deprecated, c.Deprecated)
	return t
}

// ReservedPrefix begins the types of the events that Redrive publishes itself.
const ReservedPrefix = "redrive."

// ReservedEventType reports whether only Redrive publishes events of the type.
func ReservedEventType(name string) bool { return strings.HasPrefix(name, ReservedPrefix) }

// CheckCatalogued returns an error unless the catalogue can have an event type with the name.
func CheckCatalogued(name string) error {
	switch {
	case !CheckEventType(name):
		return Invalid("invalid_event_type", "name", "the name must be words of letters, digits, _ and - joined by dots, at most 128 characters")
	case ReservedEventType(name):
		return Invalid("reserved_event_type", "name", "event types that begin with "+ReservedPrefix+" are Redrive's own; choose another name")
	}
	return nil
}

// EventTypeNotFound returns the error for a name that is not in the catalogue.
func EventTypeNotFound(name string) *Error {
	return &Error{
		Code:    CodeNotFound,
		Message: fmt.Sprintf("the catalogue has no event type %s", name),
		Details: []Detail{{Reason: "event_type_not_found", Field: "name", Message: "check the name; GET /v1/event-types lists the catalogue"}},
	}
}
