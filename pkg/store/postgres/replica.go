package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"redrive/pkg/lifecycle"
)

const (
	// measuring is the interval of measurements. A replica that follows without delay counts as up to two intervals old.
	measuring = 500 * time.Millisecond
	// measureTimeout bounds one measurement. It is shorter than store.MaxStaleness.
	measureTimeout = time.Second
)

var (
	errOther    = errors.New("DATABASE_REPLICA_URL leads to another database than DATABASE_URL")
	errDiverged = errors.New("the replica follows another primary: it has changes that the primary lacks")
)

// standbyPool is a pool of connections to a streaming standby, and how far it is behind.
//
// The age of what it shows is bounded without the clocks of the servers. At each measurement the primary's position in the WAL is recorded with the
// time. A standby that has replayed a recorded position shows all that was committed until then. So an idle primary makes no standby old, and
// a standby that is cut off becomes old as soon as the primary writes.
type standbyPool struct {
	primary, standby *sql.DB
	measurements     lifecycle.Background

	mutex     sync.Mutex
	positions []position // oldest first
	fresh     time.Time  // the standby shows all that was committed until then
	failure   error      // why the standby cannot be used
}

// position is the primary's position at a time. The time is from before it was read.
type position struct {
	at  time.Time
	lsn int64
}

// openReplica opens a pool for the URL and begins to measure. Close ends both.
func openReplica(options Options, primary *sql.DB) (*standbyPool, error) {
	config, err := parseURL("DATABASE_REPLICA_URL", options.ReplicaURL, "standby", "prefer-standby", "read-only")
	if err != nil {
		return nil, err
	}
	options.apply(config)
	s := &standbyPool{primary: primary}
	s.standby = poolOf(*config, standby, options.MaxConnections)
	s.measurements.Start(s.watch)
	return s, nil
}

func (s *standbyPool) close() error {
	return errors.Join(s.measurements.Stop(context.Background()), s.standby.Close()) // a measurement ends with its context
}

func (s *standbyPool) staleness() (time.Duration, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return time.Since(s.fresh), s.failure // centuries while it was never compared
}

// failed makes the standby unusable until the next measurement.
func (s *standbyPool) failed(err error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.failure = fmt.Errorf("read from the replica: %w", err)
}

func (s *standbyPool) watch(ctx context.Context) {
	ticker := time.NewTicker(measuring)
	defer ticker.Stop()
	for ctx.Err() == nil {
		s.measure(ctx)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

const (
	primarySQL = "SELECT " + systemSQL + ", (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
	standbySQL = "SELECT " + systemSQL + ", COALESCE(pg_last_wal_replay_lsn() - '0/0'::pg_lsn, 0)::bigint"
)

// measure compares the standby with the primary. The standby is read first, so that a position beyond that of the primary means that it follows
// another one.
func (s *standbyPool) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	var standbyOf, primaryOf, replayed int64
	if err := s.standby.QueryRowContext(ctx, standbySQL).Scan(&standbyOf, &replayed); err != nil {
		s.failed(err)
		return
	}
	now := position{at: time.Now()}
	if err := s.primary.QueryRowContext(ctx, primarySQL).Scan(&primaryOf, &now.lsn); err != nil {
		return // what was measured before becomes older
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case standbyOf != primaryOf:
		s.failure = errOther
	case replayed > now.lsn:
		s.failure, s.positions, s.fresh = errDiverged, nil, time.Time{}
	default:
		s.failure = nil
		s.compare(replayed, now)
	}
}

// compare finds the newest position that the standby has replayed.
func (s *standbyPool) compare(replayed int64, now position) {
	if last := len(s.positions) - 1; last >= 0 && s.positions[last].lsn > now.lsn {
		s.positions = nil // another server was promoted, without the last changes of the former primary
	}
	for len(s.positions) > 0 && s.positions[0].lsn <= replayed {
		s.fresh = s.positions[0].at
		s.positions = s.positions[1:]
	}
	if replayed == now.lsn {
		s.fresh = now.at
		return
	}
	if s.positions = append(s.positions, now); len(s.positions) > keptPositions {
		s.positions = s.positions[1:]
	}
}

// keptPositions are those of half an hour. A standby that is further behind is compared with later ones.
const keptPositions = int(30 * time.Minute / measuring)
