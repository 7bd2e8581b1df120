package explain

// Code is why a delivery is in its state.
type Code string

// The codes, in the order in which they apply. The first seven are of deliveries that have ended, or that end when they are due.
const (
	Delivered        Code = "delivered"
	Exhausted        Code = "exhausted"
	Gone             Code = "gone"
	EndpointDisabled Code = "endpoint_disabled"
	EndpointDeleted  Code = "endpoint_deleted"
	Cancelled        Code = "cancelled"
	Orphaned         Code = "attempts_orphaned"
	Sending          Code = "sending"
	EndpointPaused   Code = "endpoint_paused"
	Scheduled        Code = "scheduled"
	QueueUnavailable Code = "queue_unavailable"
	NoDispatcher     Code = "no_dispatcher"
	QueuePaused      Code = "queue_paused"
	HeldCircuit      Code = "held_circuit"
	HeldRate         Code = "held_rate"
	HeldConcurrency  Code = "held_concurrency"
	HeldMemory       Code = "held_memory"
	HeldShare        Code = "held_share"
	Queued           Code = "queued"
	Unknown          Code = "unknown"
)

// Codes are all codes in the order in which they apply.
var Codes = []Code{
	Delivered, Exhausted, Gone, EndpointDisabled, EndpointDeleted, Cancelled, Orphaned, Sending, EndpointPaused, Scheduled, QueueUnavailable,
	NoDispatcher, QueuePaused, HeldCircuit, HeldRate, HeldConcurrency, HeldMemory, HeldShare, Queued, Unknown,
}
