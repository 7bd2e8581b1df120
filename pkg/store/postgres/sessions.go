package postgres

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// sessions are the open connections of a pool that has several servers. As soon as one connection reaches a primary of a newer timeline, those to
// older ones are closed, also while statements wait on them. It is safe for concurrent use.
type sessions struct {
	mutex  sync.Mutex
	newest timeline
	open   map[*session]timeline
}

// session is a network connection to a server.
type session struct {
	net.Conn
	of *sessions
	// unanswered is the time in nanoseconds since the epoch since when something is awaited from the server, or 0.
	unanswered atomic.Int64
}

func newSessions() *sessions { return &sessions{open: map[*session]timeline{}} }

// dial opens a connection to a server whose timeline is not known yet.
func (s *sessions) dial(ctx context.Context, network, address string) (net.Conn, error) {
	opened := &session{of: s}
	opened.await()
	s.mutex.Lock()
	s.open[opened] = timeline{}
	s.mutex.Unlock()
	var err error
	if opened.Conn, err = dial(ctx, network, address); err != nil {
		s.remove(opened)
		return nil, err
	}
	opened.unanswered.Store(0)
	return opened, nil
}

// remove reports whether the session was there.
func (s *sessions) remove(one *session) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, open := s.open[one]
	delete(s.open, one)
	return open
}

// admit records the timeline of a connection's server. It closes the connections to servers that the timeline is newer than, and returns an
// error if a newer one is known.
func (s *sessions) admit(connection *pgconn.PgConn, reached timeline) error {
	s.mutex.Lock()
	var former []*session
	defer func() {
		s.mutex.Unlock()
		for _, one := range former {
			_ = one.Close()
		}
	}()
	if reached.before(s.newest) {
		return errFormerPrimary
	}
	s.newest = reached
	if admitted := sessionOf(connection); admitted != nil {
		s.open[admitted] = reached
	}
	for one, of := range s.open {
		if of.before(reached) {
			former = append(former, one)
		}
	}
	return nil
}

// reachedPrimary reports whether a connection to a primary was ever admitted.
func (s *sessions) reachedPrimary() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.newest != timeline{}
}

// silent reports whether a server has not answered on a connection for longer than the given time. A connection that was not set up within its
// time limit does not count: the driver is closing it, which takes up to 15 s.
func (s *sessions) silent(longer time.Duration) bool {
	now := time.Now()
	before, givenUp := now.Add(-longer).UnixNano(), now.Add(-connectTimeout).UnixNano()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for one, reached := range s.open {
		since := one.unanswered.Load()
		if since != 0 && since < before && (reached != timeline{} || since > givenUp) {
			return true
		}
	}
	return false
}

// sessionOf returns the session of a connection, also below TLS.
func sessionOf(connection *pgconn.PgConn) *session {
	network := connection.Conn()
	if encrypted, ok := network.(interface{ NetConn() net.Conn }); ok {
		network = encrypted.NetConn()
	}
	found, _ := network.(*session)
	return found
}

// await marks that something is awaited from the server, and reports whether nothing was before.
func (s *session) await() bool { return s.unanswered.CompareAndSwap(0, time.Now().UnixNano()) }

func (s *session) Write(b []byte) (int, error) {
	s.await()
	return s.Conn.Write(b)
}

// Read marks it too, since a server can stop in the midst of an answer. The driver reads only what it expects.
func (s *session) Read(b []byte) (int, error) {
	began := s.await()
	n, err := s.Conn.Read(b)
	if n > 0 || began {
		s.unanswered.Store(0)
	}
	return n, err
}

// Close closes the connection once. The pool closes it again when it finds that admit has closed it.
func (s *session) Close() error {
	if !s.of.remove(s) {
		return nil
	}
	return s.Conn.Close()
}
