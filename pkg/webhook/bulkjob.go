package webhook

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// BulkAction is what a bulk job does with everything that its filter selects.
type BulkAction string

// The actions of bulk jobs.
const (
	BulkRetry   BulkAction = "retry"   // requeues failed deliveries
	BulkReplay  BulkAction = "replay"  // makes a new delivery of the same event for each delivery
	BulkCancel  BulkAction = "cancel"  // ends waiting deliveries
	BulkDeliver BulkAction = "deliver" // makes a delivery for each event that an endpoint missed
)

// BulkActions are all actions of bulk jobs.
var BulkActions = []BulkAction{BulkRetry, BulkReplay, BulkCancel, BulkDeliver}

// BulkStatus is the status of a bulk job. All but BulkRunning are final.
type BulkStatus string

// The statuses of a bulk job.
const (
	BulkRunning   BulkStatus = "running"
	BulkCompleted BulkStatus = "completed"
	BulkCancelled BulkStatus = "cancelled"
)

// The reasons for which a bulk job skips a delivery, beside the reasons of the errors of the single call.
const (
	SkippedCancelled          = "cancelled"            // a retry passes over cancelled deliveries unless its filter names them
	SkippedHasDelivery        = "has_delivery"         // the event has a delivery to the endpoint
	SkippedNoLongerMatching   = "no_longer_matching"   // it was counted, and did not match or exist when the job reached it
	SkippedDeliveryNotFailed  = "delivery_not_failed"  // see ErrDeliveryNotFailed
	SkippedDeliveryNotWaiting = "delivery_not_waiting" // see ErrDeliveryNotWaiting
	SkippedEndpointDisabled   = "endpoint_disabled"    // see ErrEndpointDisabled
	SkippedEndpointDeleted    = "endpoint_deleted"     // see ErrEndpointDeleted

	SkippedOrganizationDeleted = "organization_deleted" // the organization was deleted before the job reached it
)

// The limits of bulk jobs.
const (
	// MaxBulkJobs is how many unfinished bulk jobs an organization may have.
	MaxBulkJobs = 10
	// DefaultBulkPerSecond and MaxBulkPerSecond are numbers of deliveries per second. 0 sets no limit.
	DefaultBulkPerSecond = 200
	MaxBulkPerSecond     = 5000
	// MaxBulkDeliveries is the largest bound of a job's deliveries. It is beyond any practical one.
	MaxBulkDeliveries = 1_000_000_000
	// MaxBulkSample is how many IDs a plan shows.
	MaxBulkSample = 10
	// BulkJobsKept is how long a finished job is kept.
	BulkJobsKept = 90 * 24 * time.Hour
	// maxBulkFilter is the length of the longest value of a filter.
	maxBulkFilter = 512
)

// bulkFilterPrefix comes before the name of a filter in an error about a bulk job.
const bulkFilterPrefix = "filter."

// BulkSpec is what a caller asks of a new bulk job.
type BulkSpec struct {
	OrganizationID string
	Action         BulkAction
	// Filter has the filters of the list of deliveries, or of the list of events for BulkDeliver, by name. At least one is required.
	Filter map[string]string
	// EndpointID is the endpoint of BulkDeliver, and empty for other actions.
	EndpointID string
	// MaxDeliveries is how many deliveries the job handles at most, oldest first. 0 sets no limit.
	MaxDeliveries int64
	// PerSecond is how many deliveries the job handles in a second. 0 sets no limit.
	PerSecond int
	CreatedBy string
}

// Check returns an error unless a job can be made of the spec.
func (s BulkSpec) Check() error {
	if !slices.Contains(BulkActions, s.Action) {
		return Invalid("invalid_action", "action", "action is required and must be retry, replay, cancel or deliver")
	}
	if err := s.checkFilterNames(); err != nil {
		return err
	}
	var err error
	if s.Action == BulkDeliver {
		_, err = s.Events()
	} else {
		_, err = s.Deliveries()
	}
	if err != nil {
		return err
	}
	switch {
	case s.Action == BulkDeliver && s.EndpointID == "":
		return Invalid("required", "endpointId", "endpointId is required for the action deliver: the endpoint that missed the events")
	case s.Action != BulkDeliver && s.EndpointID != "":
		return ErrBulkEndpoint
	case s.MaxDeliveries < 0 || s.MaxDeliveries > MaxBulkDeliveries:
		return Invalid("out_of_range", "maxDeliveries", fmt.Sprintf("maxDeliveries must be a whole number between 1 and %d; leave it out for all", MaxBulkDeliveries))
	case s.PerSecond < 0 || s.PerSecond > MaxBulkPerSecond:
		return Invalid("out_of_range", "perSecond", fmt.Sprintf("perSecond must be a whole number between 0 and %d; 0 is as fast as fairness allows", MaxBulkPerSecond))
	case s.EndpointID != "":
		return CheckReference(KindEndpoint, "endpointId", s.EndpointID)
	}
	return nil
}

func (s BulkSpec) checkFilterNames() error {
	known := DeliveryParameters
	if s.Action == BulkDeliver {
		known = EventParameters
	}
	if len(s.Filter) == 0 {
		return Invalid("required", "filter", "filter is required and must have at least one of "+strings.Join(known, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Filter)) {
		switch {
		case !slices.Contains(known, name):
			return Invalid("unknown_filter", "filter", "filter has a name that the action "+string(s.Action)+" does not take; it takes "+strings.Join(known, ", "))
		case len(s.Filter[name]) > maxBulkFilter:
			return Invalid("too_long", bulkFilterPrefix+name, fmt.Sprintf("%s%s must not be longer than %d bytes", bulkFilterPrefix, name, maxBulkFilter))
		}
	}
	return nil
}

// parameters returns the filter as the lists parse it.
func (s BulkSpec) parameters() Parameters {
	return Parameters{Values: s.Filter, Prefix: bulkFilterPrefix}
}

// Deliveries returns the filter of the deliveries that the action takes.
func (s BulkSpec) Deliveries() (DeliveryFilter, error) {
	f, err := ParseDeliveryFilter(s.OrganizationID, s.parameters())
	if err != nil {
		return f, err
	}
	taken := Statuses
	switch s.Action {
	case BulkRetry:
		taken = []Status{StatusFailure}
	case BulkCancel:
		taken = []Status{StatusPending, StatusRetrying}
	case BulkReplay, BulkDeliver:
	}
	if len(f.Statuses) == 0 {
		f.Statuses = taken
	}
	f.Statuses = slices.DeleteFunc(slices.Clone(f.Statuses), func(status Status) bool { return !slices.Contains(taken, status) })
	f.None = len(f.Statuses) == 0
	return f, nil
}

// Events returns the filter of the events that BulkDeliver takes.
func (s BulkSpec) Events() (EventFilter, error) {
	return ParseEventFilter(s.OrganizationID, s.parameters())
}

// SkipsCancelled reports whether the job passes over deliveries that were cancelled.
func (s BulkSpec) SkipsCancelled() bool {
	return s.Action == BulkRetry && FailureReason(s.Filter["failureReason"]) != FailureCancelled
}

// BulkJob applies one action to everything that its filter selects. It handles the oldest first.
type BulkJob struct {
	BulkSpec
	ID     string
	Status BulkStatus
	// Total is how many deliveries or events the filter selected. It is final when Counted is true, and at least Processed.
	Total   int64
	Counted bool
	// Processed is Applied and the sum of Skipped.
	Processed, Applied int64
	// Skipped is how many the job has passed over, by reason.
	Skipped map[string]int64
	Outcome BulkOutcome
	// CreatedAt is by the clock of the database, and so are the other times.
	CreatedAt  time.Time
	StartedAt  time.Time
	FinishedAt time.Time
}

// NewBulkJob makes a job of a checked spec.
func NewBulkJob(spec BulkSpec, now time.Time) BulkJob {
	return BulkJob{BulkSpec: spec, ID: NewID(KindBulkJob, now), Status: BulkRunning, Skipped: map[string]int64{}, CreatedAt: now}
}

// BulkOutcome counts, by state, the deliveries of which a job is the latest, see Delivery.BulkJobID.
type BulkOutcome struct {
	Success, Failure, Waiting int64
	// AsOf is when they were counted. It is zero before the first count.
	AsOf time.Time
}

// BulkOutcomeFresh is how old a count of an outcome may be. That of a job that has ended is not older than the end.
const BulkOutcomeFresh = 10 * time.Second

// BulkPlan is what a job would do.
type BulkPlan struct {
	// Total is how many deliveries or events the job would handle. It is a lower bound unless Exact.
	Total int64
	Exact bool
	// Sample has the first IDs.
	Sample []string
	// Oldest and Newest are the creation times of the first and the last one counted. They are zero if there is none.
	Oldest, Newest time.Time
}

// The errors of bulk jobs. Compare them with errors.Is.
var (
	ErrBulkEndpoint = Invalid("unexpected_field", "endpointId",
		"endpointId is for the action deliver only; to select the deliveries of an endpoint, put endpointId into filter")
	ErrTooManyJobs = Invalid("too_many_jobs", "",
		fmt.Sprintf("this organization has %d unfinished bulk jobs; wait until one has finished, or cancel one", MaxBulkJobs))
	ErrJobFinished = Invalid("job_finished", "status", "the bulk job has finished; only a running one can be cancelled")
)
