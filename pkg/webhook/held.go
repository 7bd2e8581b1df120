package webhook

import "time"

// EndpointFresh is how old the row of an endpoint may be when an attempt to it starts. A dispatcher reads an older row again.
const EndpointFresh = 500 * time.Millisecond

// EndpointSettled is how long after the commit of a pause or a deletion, of the endpoint or of its organization, no attempt starts any
// more. It is EndpointFresh and a margin for a process that has just looked at its row, and gets a processor late.
const EndpointSettled = EndpointFresh + 200*time.Millisecond

// Holds reports whether a delivery to the endpoint waits: it is not sent, it does not end and no retry is used up. A deleted organization
// holds everything, so that it can be restored as it was. A paused endpoint holds all but tests. An endpoint that is disabled or deleted
// holds nothing: its deliveries end.
func (e Endpoint) Holds(d Delivery) bool {
	if e.OrganizationDeleted || d.Test {
		return e.OrganizationDeleted
	}
	return !e.PausedAt.IsZero() && e.Status == EndpointActive && e.DeletedAt.IsZero()
}

// TakesDeliveries returns nil if a delivery to the endpoint may be created or requeued, and otherwise ErrEndpointDeleted or
// ErrEndpointDisabled. A paused endpoint takes deliveries, which wait.
func (e Endpoint) TakesDeliveries() error {
	switch {
	case !e.DeletedAt.IsZero():
		return ErrEndpointDeleted
	case e.Status == EndpointDisabled:
		return ErrEndpointDisabled
	}
	return nil
}

// Pausing returns the change that pauses an endpoint. It does not change an endpoint that is paused already.
func Pausing(by string, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangePaused, By: by, At: now, Apply: func(e *Endpoint) error {
		if e.PausedAt.IsZero() {
			e.PausedAt = now
		}
		return nil
	}}
}

// Resuming returns the change that resumes an endpoint.
func Resuming(by string, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeResumed, By: by, At: now, Apply: func(e *Endpoint) error {
		e.PausedAt = time.Time{}
		return nil
	}}
}

// Deleting returns the change that deletes an endpoint. Nothing changes an endpoint after it.
func Deleting(by string, now time.Time) EndpointChange {
	return EndpointChange{Kind: ChangeDeleted, By: by, At: now, Apply: func(e *Endpoint) error {
		e.DeletedAt = now
		return nil
	}}
}
