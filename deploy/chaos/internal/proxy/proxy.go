// Package proxy is a TCP proxy that can lose the network: while it is partitioned, connections stay open, new ones are taken,
// and not a byte passes either way. What was under way arrives when it is healed, as TCP would have it.
package proxy

import (
	"context"
	"errors"
	"fmt"
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
	healed      chan struct{} // closed while bytes pass
}

const (
	// dialTimeout bounds the search for a target on the same machine.
	dialTimeout = 5 * time.Second
	bufferSize  = 32 << 10
)

// New listens on a free port of loopback. The target need not be there yet.
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

// Addr is where the proxy listens.
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

// Heal lets them pass again, those first that were held.
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
		_ = connection.Close() // whoever reads from it notices
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

// serve dials only when the network is there: nobody gets as far as the server in a partition.
func (p *Proxy) serve(client net.Conn) {
	if !p.own(client) {
		return
	}
	defer p.disown(client)
	<-p.passable()
	dialer := net.Dialer{Timeout: dialTimeout}
	server, err := dialer.DialContext(context.Background(), "tcp", p.target)
	if err != nil || !p.own(server) {
		return // the client finds its connection closed
	}
	defer p.disown(server)

	var group sync.WaitGroup
	group.Go(func() { p.forward(server, client) })
	p.forward(client, server)
	group.Wait()
}

// forward copies until one side ends, and ends the other: neither Redis nor PostgreSQL goes on with half a connection.
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

// own has a connection closed with the proxy. It is closed at once if that has happened.
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
