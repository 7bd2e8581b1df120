// Package proxy is a TCP proxy that can simulate a network partition and a slow network, and copy its traffic to a test. During a partition,
// connections stay open, new ones are accepted, and no byte passes in either direction. Bytes in transit arrive after the partition, as with
// TCP.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy forwards connections to one address. Its methods are safe for concurrent use.
type Proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mutex       sync.Mutex
	closed      bool
	connections map[net.Conn]struct{}
	healed      chan struct{} // closed unless partitioned
	delay       time.Duration
	tap         func() (sent, received io.Writer)
}

const (
	// dialTimeout bounds a connect to a target on the same machine.
	dialTimeout = 5 * time.Second
	bufferSize  = 32 << 10
)

// New listens on a free port of loopback. The target need not exist yet.
func New(target string) (*Proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &Proxy{
		listener: listener, target: target, connections: map[net.Conn]struct{}{}, healed: make(chan struct{}),
	}
	close(p.healed)
	p.group.Go(p.accept)
	return p, nil
}

// Addr returns the address of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Partition stops all bytes.
func (p *Proxy) Partition() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.healed:
		p.healed = make(chan struct{})
	default:
	}
}

// Heal ends the partition. Bytes that were held pass first.
func (p *Proxy) Heal() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	select {
	case <-p.healed:
	default:
		close(p.healed)
	}
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() error {
	p.mutex.Lock()
	p.closed = true
	for connection := range p.connections {
		_ = connection.Close() // the reading goroutine detects this
	}
	p.mutex.Unlock()
	p.Heal()
	err := p.listener.Close()
	p.group.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close a proxy: %w", err)
	}
	return nil
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.group.Go(func() { p.serve(client) })
	}
}

// serve dials the target only without a partition, so that no client reaches the server during one.
func (p *Proxy) serve(client net.Conn) {
	if !p.own(client) {
		return
	}
	defer p.disown(client)
	<-p.passable()
	dialer := net.Dialer{Timeout: dialTimeout}
	server, err := dialer.DialContext(context.Background(), "tcp", p.target)
	if err != nil || !p.own(server) {
		return // the client's connection is closed
	}
	defer p.disown(server)

	client, server = p.tapped(client, server)
	var group sync.WaitGroup
	group.Go(func() { p.forwardLate(server, client, p.delayed()) })
	p.forward(client, server)
	group.Wait()
}

// forward copies until one side ends, and then closes the other. Neither Redis nor PostgreSQL uses half-open connections.
func (p *Proxy) forward(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, bufferSize)
	for {
		n, err := from.Read(buffer)
		<-p.passable()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *Proxy) passable() <-chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.healed
}

// own closes a connection together with the proxy, or immediately if the proxy is closed.
func (p *Proxy) own(connection net.Conn) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.closed {
		_ = connection.Close()
		return false
	}
	p.connections[connection] = struct{}{}
	return true
}

func (p *Proxy) disown(connection net.Conn) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.connections, connection)
	_ = connection.Close()
}
