package webhook

import (
	"encoding/json"
	"time"
)

// FanOut is an event with its deliveries and the endpoints that have none, newest first, at most MaxFanOut each.
type FanOut struct {
	Event      Event
	Deliveries []Delivery // without the fields that FanOut does not show
	Without    []WithoutDelivery
}

// MaxFanOut is how many deliveries and how many endpoints a FanOut has at most.
const MaxFanOut = 1000

// WithoutDelivery is an endpoint that has no delivery of an event.
type WithoutDelivery struct {
	EndpointID string
	Reason     NoDelivery
}

// NoDelivery is the reason why an endpoint has no delivery of an event.
type NoDelivery string

// The reasons why an endpoint has no delivery. They are about the time of the event.
const (
	NotSubscribed  NoDelivery = "not_subscribed"
	WasDisabled    NoDelivery = "disabled"
	WasDeleted     NoDelivery = "deleted" // within DeletedShown before the event
	CreatedLater   NoDelivery = "created_later"
	UnknownAtEvent NoDelivery = "unknown" // changed right before the event, or before changes were recorded
)

const (
	// DeletedShown is how long before an event an endpoint may have been deleted to be shown.
	DeletedShown = 30 * 24 * time.Hour
	// ChangeUncertain is how long after a change a publish may still use the endpoint as it was before.
	ChangeUncertain = time.Second
)

// EndpointHistory is an endpoint as it is now, with what is known of its past.
type EndpointHistory struct {
	Endpoint Endpoint
	// Changes are the recorded changes from ChangeUncertain before the event on, oldest first.
	Changes []EndpointChanged
	// Recorded is true if the record of changes reaches back to the event: an older change, or the creation, is in it.
	Recorded bool
}

// WhyNone returns why the endpoint has no delivery of the event. It returns false for an endpoint that was deleted long before the event.
func (h EndpointHistory) WhyNone(event Event) (reason NoDelivery, shown bool) {
	at, uncertain := event.CreatedAt, event.CreatedAt.Add(-ChangeUncertain)
	was := h.Endpoint
	switch {
	case !was.DeletedAt.IsZero() && was.DeletedAt.Before(at.Add(-DeletedShown)):
		return "", false
	case was.CreatedAt.After(at):
		return CreatedLater, true
	case was.CreatedAt.After(uncertain):
		return UnknownAtEvent, true
	case !was.DeletedAt.IsZero() && !was.DeletedAt.After(uncertain):
		return WasDeleted, true
	case was.UpdatedAt.After(uncertain) && !h.Recorded:
		return UnknownAtEvent, true
	}
	for i := len(h.Changes) - 1; i >= 0; i-- {
		change := h.Changes[i]
		if !change.At.After(uncertain) {
			continue
		}
		if undone, ok := was.undone(change); !ok {
			return UnknownAtEvent, true
		} else if was = undone; !change.At.After(at) {
			return UnknownAtEvent, true
		}
	}
	switch {
	case was.Status == EndpointDisabled:
		return WasDisabled, true
	case !Subscribes(was.SubscribedEventTypes, event.Type):
		return NotSubscribed, true
	}
	return UnknownAtEvent, true // its delivery was purged, or its state is not on record
}

// undone returns the endpoint before a change, as far as it decides about deliveries. It returns false if the record is damaged.
func (e Endpoint) undone(change EndpointChanged) (Endpoint, bool) {
	var before struct {
		Status        *EndpointStatus `json:"status"`
		Subscriptions *[]string       `json:"subscribedEventTypes"`
	}
	if json.Unmarshal(change.Before, &before) != nil {
		return e, false
	}
	if before.Status != nil {
		e.Status = *before.Status
	}
	if before.Subscriptions != nil {
		e.SubscribedEventTypes = *before.Subscriptions
	}
	return e, true
}
