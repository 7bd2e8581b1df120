package webhook

// Explained is what the database has for the explanation of a delivery.
type Explained struct {
	// Record has no bodies.
	Record Record
	// DataSize is the size of the event's data in bytes.
	DataSize int64
	// Endpoint is nil if the endpoint was removed from the database. A deleted endpoint has DeletedAt.
	Endpoint *Endpoint
	// Superseded is the last attempt that was in flight when the delivery ended otherwise. It is nil without one.
	Superseded *Attempt
}
