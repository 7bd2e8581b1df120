package queue

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conns tracks the open connections to each address, to close those that have died silently.
//
// A proxy that drops idle connections, a firewall that restarts or a machine that goes down ends all idle connections to an address at the
// same time, without a signal to the client. The first sign is a command that times out. The pool would detect each further dead connection by
// another timeout. Therefore, when a read times out, all idle connections to the address that have carried no data since that command was
// sent are closed together. Connections with a command in progress are left to their own deadlines.
type conns struct {
	mutex  sync.Mutex
	byAddr map[string]map[*conn]struct{}
}

func newConns() *conns { return &conns{byAddr: map[string]map[*conn]struct{}{}} }

func (s *conns) add(transport net.Conn, addr string) net.Conn {
	c := &conn{Conn: transport, conns: s, addr: addr}
	c.touch()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.byAddr[addr] == nil {
		s.byAddr[addr] = map[*conn]struct{}{}
	}
	s.byAddr[addr][c] = struct{}{}
	return c
}

func (s *conns) remove(c *conn) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.byAddr[c.addr], c)
	if len(s.byAddr[c.addr]) == 0 {
		delete(s.byAddr, c.addr)
	}
}

// closeIdle closes the idle connections to the address that have carried no data since the time. The pool calls Close on them again when it
// next considers them.
func (s *conns) closeIdle(addr string, since int64) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for c := range s.byAddr[addr] {
		if c.last.Load() <= since && !c.busy.Load() {
			c.dead.Store(true)
			_ = c.transport().Close()
		}
	}
}

// conn is a connection that records when it last carried data.
type conn struct {
	net.Conn
	conns *conns
	addr  string
	last  atomic.Int64 // when it was opened, last read from, or first written to after a read; in nanoseconds since started
	busy  atomic.Bool  // written to since the last read: a command is in progress
	dead  atomic.Bool  // closed by closeIdle
}

// started is the reference of conn.last, so that its times are monotonic.
var started = time.Now()

func (c *conn) touch() { c.last.Store(int64(time.Since(started))) }

func (c *conn) Write(b []byte) (int, error) {
	if !c.busy.Swap(true) {
		c.touch()
	}
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case n > 0:
		c.busy.Store(false)
		c.touch()
	case errors.Is(err, os.ErrDeadlineExceeded) && c.busy.Load():
		c.conns.closeIdle(c.addr, c.last.Load())
	}
	return n, err
}

// transport returns the connection below TLS. Closing a TLS connection would write to a peer that does not answer.
func (c *conn) transport() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c.Conn
}

// Close closes the connection, unless closeIdle has done so.
func (c *conn) Close() error {
	c.conns.remove(c)
	if c.dead.Load() {
		return nil
	}
	return c.Conn.Close()
}

// SyscallConn lets the pool check a connection before it reuses it. An error makes the pool take another connection. For TLS the check
// covers only whether the connection is closed: readable bytes below TLS need not be part of a reply.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if c.dead.Load() {
		return nil, net.ErrClosed
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return opaque{}, nil
}

// opaque is a syscall.RawConn that does nothing, so that the pool's check succeeds.
type opaque struct{}

func (opaque) Control(func(uintptr)) error    { return nil }
func (opaque) Read(func(uintptr) bool) error  { return nil }
func (opaque) Write(func(uintptr) bool) error { return nil }
