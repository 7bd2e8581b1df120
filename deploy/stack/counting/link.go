package counting

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
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

// Link listens on a port of 127.0.0.1 and relays every connection to its target. It is safe for concurrent use.
type Link struct {
	listener net.Listener
	target   string
	postgres bool
	relays   sync.WaitGroup

	bytes, statements, trips atomic.Int64

	mutex  sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// New makes a link to an address. With postgres, it reads PostgreSQL's protocol, without TLS. The caller closes it.
func New(target string, postgres bool) (*Link, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a link: %w", err)
	}
	l := &Link{listener: listener, target: target, postgres: postgres, open: map[net.Conn]bool{}}
	l.relays.Go(l.accept)
	return l, nil
}

// Addr is the address to connect to.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Counts returns what was counted so far.
func (l *Link) Counts() Counts {
	return Counts{Bytes: l.bytes.Load(), Statements: l.statements.Load(), Trips: l.trips.Load()}
}

// Close closes the link and its connections.
func (l *Link) Close() error {
	err := l.listener.Close()
	l.mutex.Lock()
	l.closed = true
	for connection := range l.open {
		err = errors.Join(err, ignoreClosed(connection.Close()))
	}
	l.mutex.Unlock()
	l.relays.Wait()
	return err
}

func (l *Link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", l.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !l.add(client, server) {
			return
		}
		var turn turns
		sent := io.Writer(&sending{link: l, turn: &turn})
		if l.postgres {
			sent = &messages{link: l}
		}
		l.relays.Go(func() { l.relay(server, client, sent) })
		l.relays.Go(func() { l.relay(client, server, &receiving{turn: &turn}) })
	}
}

// add remembers the connections, so that Close closes them. It closes them itself and returns false if the link was closed.
func (l *Link) add(connections ...net.Conn) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, connection := range connections {
		if l.closed {
			_ = connection.Close()
			continue
		}
		l.open[connection] = true
	}
	return !l.closed
}

// relay copies one direction of a connection until it ends, and closes both ends.
func (l *Link) relay(to, from net.Conn, counted io.Writer) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.bytes.Add(int64(n))
		_, _ = counted.Write(buffer[:n]) // it returns no error
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			break
		}
	}
	_, _ = to.Close(), from.Close()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	delete(l.open, to)
	delete(l.open, from)
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
