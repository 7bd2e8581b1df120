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
	// unanswered is the time in nanoseconds since the epoch at which something was sent that has no answer yet, or 0.
	unanswered atomic.Int64
}

func newSessions() *sessions { return &sessions{open: map[*session]timeline{}} }

// dial opens a connection to a server whose timeline is not known yet.
func (s *sessions) dial(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	opened := &session{Conn: connection, of: s}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.open[opened] = timeline{}
	return opened, nil
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

// silent reports whether something that was sent on a connection has no answer for longer than the given time.
func (s *sessions) silent(longer time.Duration) bool {
	before := time.Now().Add(-longer).UnixNano()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for one := range s.open {
		if since := one.unanswered.Load(); since != 0 && since < before {
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

func (s *session) Write(b []byte) (int, error) {
	s.unanswered.CompareAndSwap(0, time.Now().UnixNano())
	return s.Conn.Write(b)
}

func (s *session) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if n > 0 {
		s.unanswered.Store(0)
	}
	return n, err
}

// Close closes the connection once. The pool closes it again when it finds that admit has closed it.
func (s *session) Close() error {
	s.of.mutex.Lock()
	_, open := s.of.open[s]
	delete(s.of.open, s)
	s.of.mutex.Unlock()
	if !open {
		return nil
	}
	return s.Conn.Close()
}
