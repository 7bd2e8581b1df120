package postgres

// Exported to the tests.
var (
	Unavailable = unavailable
	NewPool     = newPool
	Dial        = dial
)

// IdleBeforePing is exported to the tests.
const IdleBeforePing = idleBeforePing
