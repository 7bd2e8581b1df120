package postgres

import (
	"context"
	"time"
)

const (
	// watching is how often connections are checked for statements without an answer.
	watching = 250 * time.Millisecond
	// silence is how long a statement may have no answer before the other servers are asked whether one of them was promoted. Nearly all
	// statements take a few milliseconds.
	silence = 500 * time.Millisecond
	// asking bounds the search among the other servers.
	asking = time.Second
)

// watch looks for a new primary while statements or new connections have no answer. Without it, all of a pool could wait for a server that does
// not answer until their callers' deadlines, while another server was promoted. It ends with Close.
func (s *switching) watch() {
	if s.role != writer {
		return
	}
	ticker := time.NewTicker(watching)
	defer ticker.Stop()
	for {
		select {
		case <-s.closing.Done():
			return
		case <-ticker.C:
		}
		if s.sessions.silent(silence) {
			s.lookElsewhere()
		}
	}
}

// lookElsewhere connects to all servers but the last primary. The connection itself is not needed: a newer timeline closes the older ones, and
// callers that are connecting try again.
func (s *switching) lookElsewhere() {
	ctx, cancel := context.WithTimeout(s.closing, asking)
	defer cancel()
	r := s.begin(ctx)
	defer r.end()
	last, _ := s.lastHost()
	for host := range s.hosts {
		if host != last {
			r.try(host)
		}
	}
	for r.pending > 0 {
		if r.take(<-r.results); r.best != nil {
			_ = s.choose(r).Close()
			s.announce()
			return
		}
	}
}
