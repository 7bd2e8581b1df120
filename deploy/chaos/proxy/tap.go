package proxy

import (
	"io"
	"net"
)

// Tap calls tap for each connection that is accepted from now on. It copies the client's traffic to the returned writers before it forwards
// it. Errors of the writers are ignored.
func (p *Proxy) Tap(tap func() (sent, received io.Writer)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.tap = tap
}

// tapped wraps both ends of a connection, so that their traffic is copied to the writers of Tap.
func (p *Proxy) tapped(client, server net.Conn) (net.Conn, net.Conn) {
	p.mutex.Lock()
	tap := p.tap
	p.mutex.Unlock()
	if tap == nil {
		return client, server
	}
	sent, received := tap()
	return copied{client, sent}, copied{server, received}
}

// copied is a connection whose input is copied to a writer.
type copied struct {
	net.Conn
	to io.Writer
}

func (c copied) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.to.Write(p[:n])
	return n, err //nolint:wrapcheck // readers compare io.EOF
}
