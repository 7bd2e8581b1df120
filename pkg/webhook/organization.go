package webhook

import (
	"fmt"
	"regexp"
	"time"
)

// Organization is a customer of the platform. It owns endpoints, events and API keys, and sees nothing of another organization.
type Organization struct {
	ID       string
	Name     string
	Metadata map[string]string
	Limits   OrganizationLimits
	// CreatedAt is zero for an organization without a row. Such an organization has API keys and the default limits.
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt time.Time // zero: not deleted
	// EraseAfter is when the erasure of a deleted organization may begin. Until then it can be restored.
	EraseAfter time.Time
	Erasure    Erasure
}

// Erasure is the progress of deleting the rows of a deleted organization.
type Erasure struct {
	StartedAt  time.Time // zero: not started
	RowsErased int64
}

// Deleted reports whether the organization was deleted and not restored.
func (o Organization) Deleted() bool { return !o.DeletedAt.IsZero() }

// Restorable reports whether a deleted organization can be restored.
func (o Organization) Restorable(now time.Time) bool {
	return o.Erasure.StartedAt.IsZero() && now.Before(o.EraseAfter)
}

// OrganizationLimits bound what an organization may have and send. 0 means no limit.
type OrganizationLimits struct {
	MaxEndpoints         int // endpoints that are not deleted
	MaxAPIKeys           int // API keys that are neither revoked nor expired
	MaxWaitingDeliveries int // deliveries in pending or retrying
	RequestsPerSecond    int // of all keys together, in one API process
}

// DefaultOrganizationLimits are the limits of an organization for which no others were set.
var DefaultOrganizationLimits = OrganizationLimits{MaxEndpoints: 500, MaxAPIKeys: 100}

// maxOrganizationLimit is within the integer range of both databases.
const maxOrganizationLimit = 1_000_000_000

// DefaultOrganization returns the organization as it is without settings of its own.
func DefaultOrganization(id string) Organization {
	return Organization{ID: id, Name: id, Limits: DefaultOrganizationLimits}
}

// OrganizationUsage is what an organization has.
type OrganizationUsage struct {
	Endpoints int
	// FailingEndpoints have failed since their last success.
	FailingEndpoints int
	APIKeys          int
	Waiting          int // counted up to MaxCountedWaiting
}

// MaxCountedWaiting bounds the count of an organization's waiting deliveries.
const MaxCountedWaiting = 10_000

// OrganizationChange describes a change of an organization. A nil field keeps its value.
type OrganizationChange struct {
	Name     *string
	Metadata *map[string]string
	Limits   OrganizationLimitsChange
}

// OrganizationLimitsChange describes a change of limits. A nil field keeps its value.
type OrganizationLimitsChange struct {
	MaxEndpoints, MaxAPIKeys, MaxWaitingDeliveries, RequestsPerSecond *int
}

// Check returns an error with everything that is wrong with the change.
func (c OrganizationChange) Check() error {
	var wrong check
	if c.Name != nil {
		wrong.required("name", *c.Name, maxOrganizationName)
	}
	if c.Metadata != nil {
		wrong.metadata(*c.Metadata)
	}
	wrong.limit("limits.maxEndpoints", c.Limits.MaxEndpoints)
	wrong.limit("limits.maxApiKeys", c.Limits.MaxAPIKeys)
	wrong.limit("limits.maxWaitingDeliveries", c.Limits.MaxWaitingDeliveries)
	wrong.limit("limits.requestsPerSecond", c.Limits.RequestsPerSecond)
	return wrong.err()
}

// maxOrganizationName is longer than the longest id, which is the default name.
const maxOrganizationName = 200

func (c *check) limit(field string, limit *int) {
	if limit != nil && (*limit < 0 || *limit > maxOrganizationLimit) {
		c.add("out_of_range", field, fmt.Sprintf("%s must be between 0 and %d; 0 means no limit", field, maxOrganizationLimit))
	}
}

// Apply returns the organization with the change.
func (c OrganizationChange) Apply(o Organization) Organization {
	o.Name = changed(o.Name, c.Name)
	o.Metadata = changed(o.Metadata, c.Metadata)
	o.Limits = OrganizationLimits{
		MaxEndpoints:         changed(o.Limits.MaxEndpoints, c.Limits.MaxEndpoints),
		MaxAPIKeys:           changed(o.Limits.MaxAPIKeys, c.Limits.MaxAPIKeys),
		MaxWaitingDeliveries: changed(o.Limits.MaxWaitingDeliveries, c.Limits.MaxWaitingDeliveries),
		RequestsPerSecond:    changed(o.Limits.RequestsPerSecond, c.Limits.RequestsPerSecond),
	}
	return o
}

func changed[T any](value T, change *T) T {
	if change == nil {
		return value
	}
	return *change
}

// ErrOrganizationErasing refuses to restore an organization whose delay has passed. Compare it with errors.Is.
var ErrOrganizationErasing = &Error{
	Code:    CodeConflict,
	Message: "the organization was deleted and is being erased; its id can be used again when GET answers 404",
	Details: []Detail{{Reason: "organization_erasing", Field: "id", Message: "wait until the erasure has ended, or use another id"}},
}

// OrganizationNotFound returns the error for an organization that does not exist, or that was deleted. The field is the part of the
// request that names it.
func OrganizationNotFound(field string) *Error {
	const message = "check the id; PUT /v1/organizations/{id} with a platform key creates an organization, and restores a deleted one"
	return &Error{
		Code:    CodeNotFound,
		Message: "there is no such organization",
		Details: []Detail{{Reason: "organization_not_found", Field: field, Message: message}},
	}
}

// EndpointLimit refuses another endpoint of an organization that has as many as its limit.
func EndpointLimit(limit int) error {
	return Invalid("endpoint_limit", "", fmt.Sprintf("the organization may have %d endpoints and has them; delete one, or have its limit maxEndpoints raised", limit))
}

// APIKeyLimit refuses another API key of an organization that has as many as its limit.
func APIKeyLimit(limit int) error {
	return Invalid("api_key_limit", "", fmt.Sprintf("the organization may have %d valid API keys and has them; revoke one, or have its limit maxApiKeys raised", limit))
}

// BacklogLimit refuses events of an organization that has as many waiting deliveries as its limit.
func BacklogLimit(limit int, retryAfter time.Duration) error {
	return &Error{
		Code:    CodeRateLimited,
		Message: fmt.Sprintf("%d deliveries of the organization are waiting, which is its limit; nothing was published", limit),
		Details: []Detail{{
			Reason:  "backlog_limit",
			Message: "wait for as many seconds as the header Retry-After says and send the request again, or have the limit maxWaitingDeliveries raised",
		}},
		RetryAfter: retryAfter,
	}
}

var organizationPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// CheckOrganizationID returns an error unless the text can be the id of an organization.
func CheckOrganizationID(id string) error {
	if !organizationPattern.MatchString(id) {
		return Invalid("invalid_organization", "organizationId", "an organization id is a letter or digit and up to 127 more letters, digits, _, . and -")
	}
	return nil
}

// Identity is the API key of a request, and the organization that it acts for.
type Identity struct {
	Key APIKey
	// Organization has its id, its limits and the time of its deletion. It is empty for a platform key that acts for none.
	Organization Organization
}

// Valid reports whether the key may be used now.
func (i Identity) Valid(now time.Time) bool { return i.Key.Valid(now) && !i.Organization.Deleted() }

// ActsFor returns the identity of a platform key that acts as a read-write key of the organization.
func (i Identity) ActsFor(o Organization) Identity {
	key := i.Key
	key.OrganizationID, key.Scope = o.ID, ScopeReadWrite
	return Identity{Key: key, Organization: o}
}
