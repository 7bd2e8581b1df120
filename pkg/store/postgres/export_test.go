package postgres

// These are exported for the tests.
var (
	Unavailable = unavailable
	Explain     = explain
	NewPool     = newPool
	Dial        = dial
)

// These are exported for the tests.
const (
	IdleBeforePing = idleBeforePing
	ConnectTimeout = connectTimeout
)
