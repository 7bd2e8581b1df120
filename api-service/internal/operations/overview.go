// Package operations reads what an operator needs to tell whether a problem is in Redrive or in receivers: the state of the dependencies,
// attempts by result and minute, and what waits and fails in all organizations.
//
// One reading serves all callers of a few seconds, so that many open pages cost as much as one. It reads PostgreSQL and Redis in parallel,
// each with a time limit. What cannot be read is missing in the overview, and an error beside it says why.
package operations

import (
	"time"

	"redrive/pkg/queue"
	"redrive/pkg/webhook"
)

// Overview is what the operator sees. Each part has its own error, so that one unavailable store does not hide the rest. Callers share
// overviews: do not change one.
type Overview struct {
	// At is when the reading began, by the clock of this process.
	At     time.Time
	Checks []Check
	// Minutes are the attempts of the last 60 minutes.
	Minutes Minutes
	// Organizations have the most waiting deliveries, ordered by their number. MoreOrganizations means that others have waiting deliveries too.
	Organizations     []OrganizationLoad
	MoreOrganizations bool
	// Failing are first the endpoints that are failing, the latest to begin first, then those that were disabled for it within 7 days, the
	// latest first. MoreFailing means that there are others.
	Failing     []FailingEndpoint
	MoreFailing bool
	// Circuits are those that are open or half open, in any dispatcher, the latest to open first. CircuitsOmitted is how many more there may be.
	Circuits        []Circuit
	CircuitsOmitted int
	// Dispatchers are ordered by their host and ID.
	Dispatchers []Dispatcher
	// Jobs are running bulk jobs, the latest first. MoreJobs means that there are others.
	Jobs     []webhook.BulkJob
	MoreJobs bool
	// Names are the names of the organizations of Jobs and Circuits, by ID. An organization without a row is missing.
	Names map[string]string
	// StoreErr is why one of Organizations, Failing, Jobs and the names is missing, and RedisErr why Circuits and Dispatchers are.
	StoreErr, RedisErr error
}

// OrganizationLoad is what the store reads of an organization.
type OrganizationLoad = webhook.OrganizationLoad

// FailingEndpoint is what the store reads of an endpoint.
type FailingEndpoint = webhook.FailingEndpoint

// State is the result of a check.
type State string

// The results of a check.
const (
	StateOK     State = "ok"
	StateFailed State = "failed"
	// StateUnknown is the result if the check needs a dependency that another check reports as failed.
	StateUnknown State = "unknown"
)

// Check is the state of one dependency.
type Check struct {
	// Name is the name that /readyz gives to the check. Title is its name for people.
	Name, Title string
	State       State
	// Message says what is wrong, or what was found. It may name hosts.
	Message string
	// Runbook is the path of the section of the guide to operations that says what to do.
	Runbook string
}

// Minutes are the attempts of 60 minutes by their result.
type Minutes struct {
	// Since is when counting began. It is zero if no attempt has been counted yet. Redis holds the counts, so that counting begins again
	// after Redis was emptied.
	Since time.Time
	// Counts has each minute, the oldest first. The last one is running.
	Counts []queue.MinuteCount
	// Err says why Counts is empty.
	Err error
}

// Circuit is a circuit that is not closed, in one dispatcher.
type Circuit struct {
	EndpointID string
	// EndpointName and OrganizationID are empty if the endpoint is not found.
	EndpointName   string
	OrganizationID string
	State          queue.CircuitState
	// Since is when the circuit first opened, Reason why it opened last, and Until when an open one is probed.
	Since, Until time.Time
	Reason       string
	// Dispatcher is the ID of the dispatcher.
	Dispatcher string
}

// Dispatcher is what one dispatcher reports about itself. The report is at most 8 s old.
type Dispatcher struct {
	ID   string
	Host string
	// InFlight is how many attempts it makes now, and Capacity how many deliveries it handles at once. Capacity is 0 if it does not report it.
	InFlight, Capacity int
	// Lag is how long deliveries waited for this dispatcher within its last second, if it was busy.
	Lag time.Duration
	// Held is how many deliveries of its reported endpoints are held: by their circuit, their rate limit or their number of slots.
	Held int
	// Stopping means that it takes no more deliveries. Stalled says why it starts no attempts.
	Stopping bool
	Stalled  string
}
