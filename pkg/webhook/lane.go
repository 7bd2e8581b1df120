package webhook

import (
	"strings"
	"time"
)

// Priority orders the waiting deliveries of one organization. A lower value is sent first. The zero value is PriorityLive.
type Priority int16

// The priorities of a delivery.
const (
	PriorityHead Priority = -1 // somebody waits for the result: a manual retry, a single replay, a test
	PriorityLive Priority = 0  // published, and its automatic retries
	PriorityBulk Priority = 1  // requeued or created by a bulk job
)

// Lane is the queue of one endpoint's waiting deliveries of one priority. Within an organization lanes are served in turn.
type Lane struct {
	OrganizationID string
	EndpointID     string
	Priority       Priority
}

// Position is a place in a lane. Positions are ordered by DueAt, then by DeliveryID. The zero Position is before every delivery.
type Position struct {
	DueAt      time.Time
	DeliveryID string
}

// IsZero reports whether p is the start of a lane.
func (p Position) IsZero() bool { return p.DeliveryID == "" && p.DueAt.IsZero() }

// After reports whether p is behind q. Times are compared to the microsecond, which is what databases keep.
func (p Position) After(q Position) bool {
	if a, b := p.DueAt.UnixMicro(), q.DueAt.UnixMicro(); a != b {
		return a > b
	}
	return strings.Compare(p.DeliveryID, q.DeliveryID) > 0
}

// Lane returns the lane that the delivery waits in.
func (d Delivery) Lane() Lane {
	return Lane{OrganizationID: d.OrganizationID, EndpointID: d.EndpointID, Priority: d.Priority}
}

// Position returns the delivery's place in its lane.
func (d Delivery) Position() Position { return Position{DueAt: d.NextRetryAt, DeliveryID: d.ID} }
