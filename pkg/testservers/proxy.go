package testservers

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy is a TCP proxy that can drop its connections silently: they stay open, and bytes written to them are lost. Its methods may be
// called concurrently.
type Proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mutex    sync.Mutex
	cut      bool
	asked    int
	silent   map[net.Conn]bool
	finished []net.Conn
	within   chan struct{} // closed when left is 0; nil without a limit
	left     int           // how many bytes of answers are forwarded still
}

// ThroughProxy starts a proxy before the server of a URL, until the test ends, and returns the URL through it.
func ThroughProxy(tb testing.TB, server string) (*Proxy, string) {
	tb.Helper()
	location, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	p := &Proxy{target: location.Host, silent: map[net.Conn]bool{}}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	p.group.Go(p.accept)
	tb.Cleanup(p.close)
	location.Host = p.listener.Addr().String()
	return p, location.String()
}

// Cut drops all connections that exist, and new ones until Mend: they are accepted and nothing is forwarded.
func (p *Proxy) Cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.cutAll()
}

// cutAll is called with the proxy locked.
func (p *Proxy) cutAll() {
	p.silenceAll()
	p.cut = true
}

// CutWithin does the same as Cut when another number of bytes has come from the server, in the midst of an answer. Answers are dropped too from
// then on. The channel is closed then.
func (p *Proxy) CutWithin(bytes int) <-chan struct{} {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.within, p.left = make(chan struct{}), bytes
	return p.within
}

// answers forwards what a server sends to a client.
type answers struct {
	net.Conn
	of *Proxy
}

// Write drops what is not permitted.
func (a answers) Write(b []byte) (int, error) {
	if _, err := a.Conn.Write(b[:a.of.permitted(len(b))]); err != nil {
		return 0, err
	}
	return len(b), nil
}

// permitted returns how many of so many bytes of answers are forwarded.
func (p *Proxy) permitted(bytes int) int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.within == nil {
		return bytes
	}
	permitted := min(bytes, p.left)
	if p.left -= permitted; p.left == 0 && permitted > 0 {
		p.cutAll()
		close(p.within)
	}
	return permitted
}

// Mend ends the effect of Cut on new connections.
func (p *Proxy) Mend() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.cut = false
}

// LeadTo closes all connections that exist, and leads new ones to the server of another URL.
func (p *Proxy) LeadTo(tb testing.TB, server string) {
	tb.Helper()
	location, err := url.Parse(server)
	if err != nil {
		tb.Fatalf("testservers: %v", err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.target = location.Host
	for _, connection := range p.finished {
		_ = connection.Close()
	}
	p.finished = nil
}

// Silence drops all connections that exist. New connections work.
func (p *Proxy) Silence() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.silenceAll()
}

// silenceAll is called with the proxy locked.
func (p *Proxy) silenceAll() {
	for connection := range p.silent {
		p.silent[connection] = true
	}
}

// AskedSilent returns how many dropped connections a client has used since they were dropped. A client that ends a connection does
// not use it.
func (p *Proxy) AskedSilent() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.asked
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mutex.Lock()
		target := p.target
		p.mutex.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mutex.Lock()
		p.silent[client] = p.cut
		p.finished = append(p.finished, client, server)
		p.mutex.Unlock()
		p.group.Go(func() { p.forward(client, server) })
		p.group.Go(func() {
			_, _ = io.Copy(answers{client, p}, server)
			_ = client.Close()
		})
	}
}

// terminate is the type of the PostgreSQL message that ends a connection.
const terminate = 'X'

func (p *Proxy) forward(client, server net.Conn) {
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

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mutex.Lock()
	for _, connection := range p.finished {
		_ = connection.Close()
	}
	p.mutex.Unlock()
	p.group.Wait()
}
