package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// switching is a driver.Connector for a URL with several servers, of which one has the role that the pool requires. A connection is first tried
// at the server that had the role last. If that fails, or takes longer than headStart, it is tried at all others at the same time, so that a
// server that does not answer delays no caller for long. If the watch finds that a standby was promoted meanwhile, hosts that failed are tried
// again: a caller does not wait for the timeout of the server that does not answer.
//
// A former primary that was cut off may accept writes still. A promotion raises the number of the timeline, so that of two servers that
// accept writes, the one with the lower number is refused. This is a safeguard of one process: only fencing of the former primary, as Patroni
// and managed services have it, protects against it in all cases.
type switching struct {
	role     role
	hosts    []host
	connects []driver.Connector // by host
	sessions *sessions

	mutex sync.Mutex
	last  int           // the host that had the role last, or -1
	found chan struct{} // closed and replaced when the watch has found another host with the role

	work    sync.WaitGroup  // added to under the mutex while closing is not done
	closing context.Context //nolint:containedctx // done when the pool closes
	close   context.CancelFunc
}

const (
	// headStart is longer than a connection within a region takes.
	headStart = 250 * time.Millisecond
	// settling is how long the first connection of a process waits for answers of the other servers, because the first one that answers can
	// be a former primary.
	settling = 100 * time.Millisecond
)

// newSwitching makes a connector. The options set up each connection; setUp runs before the check of the role.
func newSwitching(hosts []host, required role, setUp func(context.Context, *pgx.Conn) error, options ...stdlib.OptionOpenDB) *switching {
	s := &switching{role: required, hosts: hosts, sessions: newSessions(), last: -1, found: make(chan struct{})}
	s.closing, s.close = context.WithCancel(context.Background())
	for i := range hosts {
		config := hosts[i].config
		config.DialFunc = s.sessions.dial
		s.connects = append(s.connects, stdlib.GetConnector(config, append(options, settingUp(config, func(ctx context.Context, connection *pgx.Conn) error {
			if err := setUp(ctx, connection); err != nil {
				return err
			}
			return s.verify(ctx, connection)
		}))...))
	}
	s.spawn(s.watch)
	return s
}

// spawn runs the function in a goroutine that Close waits for. It returns false after Close.
func (s *switching) spawn(run func()) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closing.Err() != nil {
		return false
	}
	s.work.Go(run)
	return true
}

// reachedTimeline is the key of the timeline of a connection's server.
const reachedTimeline = "redrive.timeline"

// verify returns an error if the server does not have the role, and closes the connection then.
func (s *switching) verify(ctx context.Context, connection *pgx.Conn) error {
	err := s.role.check(ctx, connection.PgConn())
	if err == nil && s.role == writer {
		var reached timeline
		if reached, err = readTimeline(ctx, connection.PgConn()); err == nil {
			connection.PgConn().CustomData()[reachedTimeline] = reached
			err = s.sessions.admit(connection.PgConn(), reached)
		}
	}
	if err != nil {
		return failSetUp(ctx, connection, err)
	}
	return nil
}

// Connect returns a connection to the server that has the role.
func (s *switching) Connect(ctx context.Context) (driver.Conn, error) {
	r := s.begin(ctx)
	defer r.end()
	first, found := s.lastHost()
	if first < 0 {
		r.tryAll()
	} else {
		r.try(first)
	}
	waiting := time.NewTimer(headStart)
	defer waiting.Stop()
	for r.pending > 0 {
		select {
		case got := <-r.results:
			r.take(got)
			switch {
			case r.best != nil && (s.sessions.reachedPrimary() && first >= 0 || r.pending == 0):
				return s.choose(r), nil
			case r.best != nil:
				waiting.Reset(settling)
			default:
				r.tryAll()
			}
		case <-waiting.C:
			if r.best != nil {
				return s.choose(r), nil
			}
			r.tryAll()
		case <-found:
			_, found = s.lastHost()
			r.tryAgain()
		}
	}
	return nil, errors.Join(r.failures...)
}

// lastHost returns the host that had the role last, or -1, and a channel that is closed when the watch finds another one.
func (s *switching) lastHost() (last int, found <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.last, s.found
}

// announce lets all races try again.
func (s *switching) announce() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	close(s.found)
	s.found = make(chan struct{})
}

// choose returns the best connection of a race and records its host.
func (s *switching) choose(r *race) driver.Conn {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.last = r.best.host
	chosen := r.best.connection
	r.best = nil
	return chosen
}

// Driver returns the driver of the connections.
func (s *switching) Driver() driver.Driver { return s.connects[0].Driver() }

// Close ends the search for another server and the attempts that are not needed any more.
func (s *switching) Close() error {
	s.mutex.Lock()
	s.close()
	s.mutex.Unlock()
	s.work.Wait()
	return nil
}
