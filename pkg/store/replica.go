package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"redrive/pkg/webhook"
)

// Replica is a second connection to the same data, which may be some seconds behind: a streaming standby of PostgreSQL.
type Replica struct {
	Dialector gorm.Dialector
	// Permits reports whether a read under the context may be answered from the replica. Defaults to the permission of package webhook.
	Permits func(context.Context) bool
	// Staleness returns an upper bound of the age of what the replica answers, or an error if the replica cannot be used.
	Staleness func() (time.Duration, error)
	// Failed is called when the replica could not answer a read.
	Failed func(error)
}

// MaxStaleness is the largest age of what a replica may answer.
const MaxStaleness = 2 * time.Second

// replicaTimeout bounds a read on the replica, so that a caller whose replica stops answering still gets the primary's answer in time.
const replicaTimeout = 2 * time.Second

// ReplicaCounts count the reads that were permitted to use a replica since the start of the process.
type ReplicaCounts struct {
	// Replica were answered by the replica, Primary by the primary because the replica lagged or was unavailable, and Repeated by the primary
	// after the replica could not answer.
	Replica, Primary, Repeated uint64
}

// replica is the replica of a store.
type replica struct {
	Replica
	store *Store // reads from the replica

	replica, primary, repeated atomic.Uint64
}

func (s *Store) openReplica(r *Replica) error {
	if r == nil {
		return nil
	}
	dialect := s.dialect
	dialect.Dialector, dialect.Replica = r.Dialector, nil
	second, err := New(dialect, s.sealer)
	if err != nil {
		return err
	}
	s.replica = &replica{Replica: *r, store: second}
	if s.replica.Permits == nil {
		s.replica.Permits = func(ctx context.Context) bool { return webhook.ReplicaReadsOf(ctx).Permitted() }
	}
	return nil
}

// onReplica makes a read on the replica if there is one, the context permits it, and the replica is not too far behind. It returns false if the
// primary has to answer: also if the replica became unavailable, canceled the statement because of a conflict with the replay of changes, or
// lacks what is asked for, which the primary may have. Every method that may read from a replica begins with it.
func onReplica[T any](ctx context.Context, s *Store, read func(context.Context, *Store) (T, error)) (result T, answered bool, err error) {
	r := s.replica
	if r == nil || !r.Permits(ctx) {
		return result, false, nil
	}
	if r.usable() != nil {
		r.primary.Add(1)
		webhook.ReplicaReadsOf(ctx).UsePrimary()
		return result, false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, replicaTimeout)
	defer cancel()
	result, err = read(bounded, r.store)
	switch code := webhook.CodeOf(err); {
	case err == nil, ctx.Err() != nil:
		r.replica.Add(1)
		return result, true, err
	case code == webhook.CodeUnavailable:
		r.Failed(err)
	case code != webhook.CodeNotFound:
		r.replica.Add(1)
		return result, true, err
	}
	r.repeated.Add(1)
	webhook.ReplicaReadsOf(ctx).UsePrimary()
	return result, false, nil
}

var errStale = errors.New("the replica is more than 2 s behind the primary: lists and statistics are read from the primary")

func (r *replica) usable() error {
	staleness, err := r.Staleness()
	if err == nil && staleness > MaxStaleness {
		err = errStale
	}
	return err
}

// HasReplica reports whether a replica is configured.
func (s *Store) HasReplica() bool { return s.replica != nil }

// CheckReplica returns an error if a replica is configured and cannot be used.
func (s *Store) CheckReplica(context.Context) error {
	if s.replica == nil {
		return nil
	}
	return s.replica.usable()
}

// ReplicaStaleness returns an upper bound of the age of what the replica answers. It grows while the replica cannot be reached.
func (s *Store) ReplicaStaleness() time.Duration {
	staleness, _ := s.replica.Staleness()
	return staleness
}

// ReplicaCounts returns the counts of reads. The store must have a replica.
func (s *Store) ReplicaCounts() ReplicaCounts {
	return ReplicaCounts{s.replica.replica.Load(), s.replica.primary.Load(), s.replica.repeated.Load()}
}
