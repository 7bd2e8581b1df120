package webhook

import (
	"encoding/json"
	"fmt"
	"time"
)

// The types of operational events, which Redrive publishes itself.
const (
	// EventTypeEndpointFailing: an endpoint has had no success for FailingNotice.
	EventTypeEndpointFailing = ReservedPrefix + "endpoint.failing"
	// EventTypeEndpointRecovered: an attempt has succeeded after EventTypeEndpointFailing.
	EventTypeEndpointRecovered = ReservedPrefix + "endpoint.recovered"
	EventTypeEndpointDisabled  = ReservedPrefix + "endpoint.disabled"
	EventTypeEndpointEnabled   = ReservedPrefix + "endpoint.enabled"
	// EventTypeDeliveryExhausted: deliveries have used up their retries. It is published at most once per endpoint and ExhaustedInterval.
	EventTypeDeliveryExhausted = ReservedPrefix + "delivery.exhausted"
)

const (
	// FailingNotice is how long an endpoint fails before EventTypeEndpointFailing is published.
	FailingNotice = time.Hour
	// ExhaustedInterval is the least time between two EventTypeDeliveryExhausted of an endpoint.
	ExhaustedInterval = time.Minute
	// An endpoint is disabled only after leastFailures, of which the first and the last are at least leastSpan apart.
	leastFailures = 20
	leastSpan     = 12 * time.Hour
)

// Operations are the rules for failing endpoints and operational events.
type Operations struct {
	// FailingAfter is how long an endpoint may fail before it is disabled. 0 means for ever.
	FailingAfter time.Duration
	// Organization gets a copy of every operational event of the others. Empty means none.
	Organization string
}

// DefaultFailingAfter is the usual Operations.FailingAfter.
const DefaultFailingAfter = 5 * 24 * time.Hour

// Notices are the operational events of an endpoint that were published or are to be published.
type Notices struct {
	// AnnouncedSince is the FailingSince that EventTypeEndpointFailing was published for. It is zero if the endpoint is not announced as
	// failing.
	AnnouncedSince time.Time
	// ExhaustedAt is when EventTypeDeliveryExhausted was last published.
	ExhaustedAt time.Time
	// ExhaustedSince is when the first of ExhaustedCount deliveries was exhausted that were not published yet.
	ExhaustedSince time.Time
	ExhaustedCount int64
}

// After returns the notices after an attempt. Due says whether one of them has to be published.
func (n Notices) After(o Outcome) Notices {
	if !o.Exhausted() {
		return n
	}
	if n.ExhaustedCount == 0 {
		n.ExhaustedSince = o.Delivery.UpdatedAt
	}
	n.ExhaustedCount++
	return n
}

// Operational reports whether the delivery was one of an operational event. Its attempts count in the health of the endpoint, but no event
// is published about them: such an event could cause the next one, without end.
func (o Outcome) Operational() bool { return ReservedEventType(o.EventType) }

// Exhausted reports whether the attempt was the last one of a delivery that used up its retries.
func (o Outcome) Exhausted() bool {
	return o.Delivery.Status == StatusFailure && o.Attempt.Outcome == AttemptFailure && !o.DisableEndpoint && !o.Delivery.Test && !o.Operational()
}

// Judgement says what follows for the endpoint from an attempt.
type Judgement struct {
	Recovered, Failing, Disable, Exhausted bool
}

// Any reports whether anything follows.
func (j Judgement) Any() bool { return j != Judgement{} }

// Judge returns what follows from an attempt for its endpoint, from the endpoint's health and notices after it.
func (r Operations) Judge(h Health, n Notices, o Outcome) Judgement {
	j := r.Due(h, n, o)
	j.Disable = j.Disable && h.ConsecutiveFailures >= leastFailures && o.Delivery.UpdatedAt.Sub(h.FailingSince) >= leastSpan
	return j
}

// Due returns what may follow from an attempt for its endpoint, from the endpoint's health and notices before it.
func (r Operations) Due(h Health, n Notices, o Outcome) Judgement {
	at, counted := o.Delivery.UpdatedAt, o.Counted()
	failedFor := func(d time.Duration) bool {
		return counted == CountedFailure && !h.FailingSince.IsZero() && at.Sub(h.FailingSince) >= d
	}
	return Judgement{
		Recovered: counted == CountedSuccess && !n.AnnouncedSince.IsZero(),
		Failing:   failedFor(FailingNotice) && n.AnnouncedSince.IsZero() && !o.Operational(),
		Disable:   r.FailingAfter > 0 && failedFor(r.FailingAfter),
		Exhausted: o.Exhausted() && (n.ExhaustedAt.IsZero() || at.Sub(n.ExhaustedAt) >= ExhaustedInterval),
	}
}

// Notice describes an operational event.
type Notice struct {
	Type     string
	Endpoint Endpoint
	// Reason says why, as a word: no_success, success, exhausted, manual, gone or failing.
	Reason string
	// Since is when the state began that the event reports.
	Since time.Time
	// LastError is the error of the last failed attempt.
	LastError string
	// Count is the number of failed attempts, or of exhausted deliveries.
	Count int64
	At    time.Time
}

// noticeData is the data of an operational event.
type noticeData struct {
	OrganizationID string         `json:"organizationId"`
	Endpoint       noticeEndpoint `json:"endpoint"`
	Reason         string         `json:"reason,omitempty"`
	Since          Timestamp      `json:"since,omitzero"`
	LastError      string         `json:"lastError,omitempty"`
	Count          int64          `json:"count,omitempty"`
}

type noticeEndpoint struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Event returns the notice as an event of an organization, which is that of the endpoint or Operations.Organization.
func (n Notice) Event(organizationID string) (Event, error) {
	data, err := json.Marshal(noticeData{
		OrganizationID: n.Endpoint.OrganizationID, Endpoint: noticeEndpoint{ID: n.Endpoint.ID, Name: n.Endpoint.Name, URL: n.Endpoint.URL},
		Reason: n.Reason, Since: Timestamp(n.Since), LastError: n.LastError, Count: n.Count,
	})
	if err != nil {
		return Event{}, fmt.Errorf("encode an operational event: %w", err)
	}
	return NewEvent(organizationID, EventSpec{Type: n.Type, Data: data}, n.At), nil
}

// Notices returns the operational events of an attempt, from the endpoint's health and notices after it. Disabling the endpoint has an event
// of its own.
func (j Judgement) Notices(e Endpoint, h Health, n Notices, at time.Time) []Notice {
	var notices []Notice
	if j.Exhausted {
		notices = append(notices, n.Exhausted(e, h, at))
	}
	if j.Failing {
		notices = append(notices, Notice{
			Type: EventTypeEndpointFailing, Endpoint: e, Reason: "no_success", Since: h.FailingSince, LastError: h.LastError, Count: h.ConsecutiveFailures, At: at,
		})
	}
	if j.Recovered {
		notices = append(notices, Notice{Type: EventTypeEndpointRecovered, Endpoint: e, Reason: "success", Since: n.AnnouncedSince, At: at})
	}
	return notices
}

// Exhausted returns the event about the exhausted deliveries that were not published yet.
func (n Notices) Exhausted(e Endpoint, h Health, at time.Time) Notice {
	return Notice{
		Type: EventTypeDeliveryExhausted, Endpoint: e, Reason: "exhausted", Since: n.ExhaustedSince, LastError: h.LastError, Count: n.ExhaustedCount, At: at,
	}
}

// Publish returns the notices after the publication of what the judgement says.
func (j Judgement) Publish(h Health, n Notices, at time.Time) Notices {
	if j.Exhausted {
		n = n.PublishExhausted(at)
	}
	if j.Failing {
		n.AnnouncedSince = h.FailingSince
	}
	if j.Recovered {
		n.AnnouncedSince = time.Time{}
	}
	return n
}

// PublishExhausted returns the notices after the publication of Exhausted.
func (n Notices) PublishExhausted(at time.Time) Notices {
	n.ExhaustedAt, n.ExhaustedSince, n.ExhaustedCount = at, time.Time{}, 0
	return n
}

// Notice returns the operational event of a change, and whether there is one. before and after are the endpoint before and after the change,
// and h is its health before.
func (c EndpointChange) Notice(before, after Endpoint, h Health) (Notice, bool) {
	switch {
	case c.Unannounced || before.Status == after.Status:
		return Notice{}, false
	case after.Status == EndpointDisabled:
		return Notice{
			Type: EventTypeEndpointDisabled, Endpoint: after, Reason: string(after.DisabledReason), Since: h.FailingSince, LastError: h.LastError,
			Count: h.ConsecutiveFailures, At: after.UpdatedAt,
		}, true
	}
	return Notice{Type: EventTypeEndpointEnabled, Endpoint: after, Reason: "manual", Since: before.DisabledAt, At: after.UpdatedAt}, true
}
