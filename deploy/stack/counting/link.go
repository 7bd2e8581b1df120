package counting

import (
	"io"
	"sync/atomic"

	"redrive/deploy/chaos/proxy"
)

// Counts is what clients have sent and received through a link.
type Counts struct {
	Bytes int64 // in both directions
	// Statements are those that PostgreSQL was asked to execute. 0 for other protocols.
	Statements int64
	// Trips are the round trips. A pipeline is one. PostgreSQL's are counted by its protocol, and others by the turns of a connection.
	Trips int64
}

// Since returns what was counted since an earlier count.
func (c Counts) Since(before Counts) Counts {
	return Counts{Bytes: c.Bytes - before.Bytes, Statements: c.Statements - before.Statements, Trips: c.Trips - before.Trips}
}

// Link is a proxy that counts its traffic. It is safe for concurrent use.
type Link struct {
	*proxy.Proxy

	bytes, statements, trips atomic.Int64
}

// New makes a link to an address. With postgres, it reads PostgreSQL's protocol, without TLS. The caller closes it.
func New(target string, postgres bool) (*Link, error) {
	made, err := proxy.New(target)
	if err != nil {
		return nil, err
	}
	l := &Link{Proxy: made}
	made.Tap(func() (sent, received io.Writer) {
		if postgres {
			return io.MultiWriter(size{l}, &messages{link: l}), size{l}
		}
		var turn turns
		return io.MultiWriter(size{l}, &sending{link: l, turn: &turn}), io.MultiWriter(size{l}, &receiving{turn: &turn})
	})
	return l, nil
}

// Counts returns what was counted so far.
func (l *Link) Counts() Counts {
	return Counts{Bytes: l.bytes.Load(), Statements: l.statements.Load(), Trips: l.trips.Load()}
}

// size counts bytes.
type size struct{ link *Link }

func (s size) Write(p []byte) (int, error) {
	s.link.bytes.Add(int64(len(p)))
	return len(p), nil
}
