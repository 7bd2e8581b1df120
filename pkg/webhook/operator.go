package webhook

import "time"

// OrganizationLoad is what waits in an organization and what has failed in it lately, for an operator.
type OrganizationLoad struct {
	ID string
	// Name is the ID of an organization without a row.
	Name string
	// Waiting is the number of deliveries in pending or retrying, those of tests and of paused endpoints included. Capped means that there
	// are more: the count ends at MaxCountedWaiting, or before that if many organizations have a backlog.
	Waiting int
	Capped  bool
	// OldestDueAt is the earliest time at which a delivery was or will be due. Deliveries that are not sent when they are due, since their
	// endpoint is paused or their organization was deleted, are left out. It is zero if there are no others.
	OldestDueAt time.Time
	// FailedLastHour is the number of deliveries that failed in the running hour of the clock and in the one before it, in UTC. Statistics
	// are counted by these hours.
	FailedLastHour int64
	// FailingEndpoints have failed since their last success and are not deleted.
	FailingEndpoints int
}

// FailingEndpoint is an endpoint that fails, or that was disabled because it failed or answered 410.
type FailingEndpoint struct {
	OrganizationID string
	// OrganizationName is the ID of an organization without a row.
	OrganizationName string
	EndpointID       string
	Name             string
	URL              string
	Health           Health
	// LastErrorCode is the kind of Health.LastError. It is empty if no recent attempt with this error was found.
	LastErrorCode ErrorCode
	// DisabledReason is empty for an active endpoint, and DisabledAt is zero.
	DisabledReason DisabledReason
	DisabledAt     time.Time
}

// EndpointName is the name of an endpoint and its organization.
type EndpointName struct {
	ID, OrganizationID, Name string
}
