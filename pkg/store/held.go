package store

// heldEndpoint is the condition that deliveries to the endpoint e are not sent: it is paused, see webhook.Endpoint.Holds, or deleted. The
// first line is the condition of the index endpoints_held.
const heldEndpoint = `(e.paused_at IS NOT NULL OR e.deleted_at IS NOT NULL)
	AND (e.deleted_at IS NOT NULL OR e.status = 'active')`

// deletedOrganizations are the organizations whose deliveries are not sent, see webhook.Endpoint.Holds. The condition is that of the index
// organizations_deleted, which has an entry only until an erasure has ended.
const deletedOrganizations = `SELECT o.id FROM organizations o WHERE o.deleted_at IS NOT NULL`

// sendable is the condition that a waiting delivery is sent when it is due. A test is sent while its endpoint is paused, too.
const sendable = "(test OR endpoint_id NOT IN (SELECT e.id FROM endpoints e WHERE " + heldEndpoint + "))" +
	" AND organization_id NOT IN (" + deletedOrganizations + ")"

// openLane is the condition that deliveries are read from the lane of the organization and the endpoint l.
const openLane = `NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.id = l.endpoint_id AND ` + heldEndpoint + `)
	AND NOT EXISTS (` + deletedOrganizations + ` AND o.id = l.organization_id)`
