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

// peers are the open connections to each address. Connections die silently, and all of those to an address at once: a proxy drops
// what has been idle, a firewall restarts, a machine goes away. A command that got no answer in time is the first sign. The pool
// would find out about each of the others in the same way, one after the other. So those that are idle are closed together: all that
// have carried nothing since before that command. A command under way on another one has a deadline of its own.
type peers struct {
	mutex  sync.Mutex
	byAddr map[string]map[*peerConn]struct{}
}

func newPeers() *peers { return &peers{byAddr: map[string]map[*peerConn]struct{}{}} }

func (p *peers) add(conn net.Conn, addr string) net.Conn {
	c := &peerConn{Conn: conn, peers: p, addr: addr}
	c.carried()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.byAddr[addr] == nil {
		p.byAddr[addr] = map[*peerConn]struct{}{}
	}
	p.byAddr[addr][c] = struct{}{}
	return c
}

func (p *peers) remove(c *peerConn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.byAddr[c.addr], c)
	if len(p.byAddr[c.addr]) == 0 {
		delete(p.byAddr, c.addr)
	}
}

// suspect closes the idle connections to the address that have carried nothing since the time. The pool closes them once more when it
// comes to them.
func (p *peers) suspect(addr string, since int64) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for c := range p.byAddr[addr] {
		if c.last.Load() <= since && !c.asked.Load() {
			c.dead.Store(true)
			_ = c.transport().Close()
		}
	}
}

// peerConn is a connection that knows when it has carried something.
type peerConn struct {
	net.Conn
	peers *peers
	addr  string
	last  atomic.Int64 // when it was opened, begun to be written to after an answer, or read from; in nanoseconds since started
	asked atomic.Bool  // written to since it was read from
	dead  atomic.Bool
}

// started makes times monotonic.
var started = time.Now()

func (c *peerConn) carried() { c.last.Store(int64(time.Since(started))) }

func (c *peerConn) Write(b []byte) (int, error) {
	if !c.asked.Swap(true) {
		c.carried()
	}
	return c.Conn.Write(b)
}

func (c *peerConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case n > 0:
		c.asked.Store(false)
		c.carried()
	case errors.Is(err, os.ErrDeadlineExceeded) && c.asked.Load():
		c.peers.suspect(c.addr, c.last.Load())
	}
	return n, err
}

// transport is the connection below TLS, which would say goodbye to a peer that is not there.
func (c *peerConn) transport() net.Conn {
	if t, ok := c.Conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c.Conn
}

// Close closes the connection.
func (c *peerConn) Close() error {
	c.peers.remove(c)
	if c.dead.Load() {
		return nil
	}
	return c.Conn.Close()
}

// SyscallConn is what the pool looks at before it uses a connection again: an error has it take another one. A connection with TLS
// has no more to show than whether it is closed, for what is readable there need not be an answer.
func (c *peerConn) SyscallConn() (syscall.RawConn, error) {
	if c.dead.Load() {
		return nil, net.ErrClosed
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return opaque{}, nil
}

// opaque is a syscall.RawConn with nothing to see.
type opaque struct{}

func (opaque) Control(func(uintptr)) error    { return nil }
func (opaque) Read(func(uintptr) bool) error  { return nil }
func (opaque) Write(func(uintptr) bool) error { return nil }
