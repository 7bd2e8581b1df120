package webhook

import (
	"context"
	"sync/atomic"
)

type replicaKey struct{}

// ReplicaReads is the permission of one request to read what a replica of the database has, which may be some seconds old. All reads of a request
// after the first one that the primary answered are answered by the primary too, so that a page and its items fit together. It is safe for
// concurrent use.
type ReplicaReads struct{ primary atomic.Bool }

// PermitReplica returns a context whose lists, searches and statistics may be read from a replica.
func PermitReplica(ctx context.Context) context.Context {
	return context.WithValue(ctx, replicaKey{}, &ReplicaReads{})
}

// ReplicaReadsOf returns the permission of a context, or nil if it has none.
func ReplicaReadsOf(ctx context.Context) *ReplicaReads {
	permission, _ := ctx.Value(replicaKey{}).(*ReplicaReads)
	return permission
}

// Permitted reports whether a replica may answer. It is false for nil.
func (r *ReplicaReads) Permitted() bool { return r != nil && !r.primary.Load() }

// UsePrimary ends the permission. It does nothing for nil.
func (r *ReplicaReads) UsePrimary() {
	if r != nil {
		r.primary.Store(true)
	}
}
