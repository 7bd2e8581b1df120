package postgres_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy is a TCP proxy that can drop its connections without a word: they stay open, and what is written to them is lost.
type proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mutex    sync.Mutex
	asked    int
	silent   map[net.Conn]bool
	finished []net.Conn
}

// throughProxy returns a proxy before the database of the URL, and the URL through it.
func throughProxy(t *testing.T, database string) (*proxy, string) {
	t.Helper()
	location, err := url.Parse(database)
	require.NoError(t, err)
	p := &proxy{target: location.Host, silent: map[net.Conn]bool{}}
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.group.Go(p.accept)
	t.Cleanup(p.close)
	location.Host = p.listener.Addr().String()
	return p, location.String()
}

// silence drops all connections of now. New ones work.
func (p *proxy) silence() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for connection := range p.silent {
		p.silent[connection] = true
	}
}

// askedSilent counts the dropped connections that something was asked on since.
func (p *proxy) askedSilent() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.asked
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mutex.Lock()
		p.silent[client] = false
		p.finished = append(p.finished, client, server)
		p.mutex.Unlock()
		p.group.Go(func() { p.forward(client, server) })
		p.group.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
	}
}

// terminate is the type of the message that ends a connection.
const terminate = 'X'

func (p *proxy) forward(client, server net.Conn) {
	defer func() { _ = server.Close() }()
	buffer := make([]byte, 64<<10)
	counted := false
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		p.mutex.Lock()
		silent := p.silent[client]
		if silent && !counted && buffer[0] != terminate {
			p.asked++
			counted = true
		}
		p.mutex.Unlock()
		if silent {
			continue
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mutex.Lock()
	for _, connection := range p.finished {
		_ = connection.Close()
	}
	p.mutex.Unlock()
	p.group.Wait()
}
