package postgres

import (
	"context"

	"redrive/pkg/store"
)

// OpenOnReplica opens a store that makes every read that may use the replica there.
func OpenOnReplica(options Options, sealer store.Sealer) (*store.Store, error) {
	options.permits = func(context.Context) bool { return true }
	return Open(options, sealer)
}

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
	Opening        = opening
)
