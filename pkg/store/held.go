package store

// heldEndpoint is the condition that deliveries to the endpoint e are not sent: it is paused, see webhook.Endpoint.Held, or deleted. The
// first line is the condition of the index endpoints_held.
const heldEndpoint = `(e.paused_at IS NOT NULL OR e.deleted_at IS NOT NULL)
	AND (e.deleted_at IS NOT NULL OR e.status = 'active')`

// sendable is the condition that a waiting delivery is sent when it is due. A test is sent while its endpoint is paused, too.
const sendable = "(test OR endpoint_id NOT IN (SELECT e.id FROM endpoints e WHERE " + heldEndpoint + "))"
