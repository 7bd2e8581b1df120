package app_test

import (
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// door stands in a server's place. While it is shut it takes connections and never answers; once it is open it leads there.
type door struct {
	listener net.Listener
	behind   string
	group    sync.WaitGroup

	mutex sync.Mutex
	open  bool
	held  []net.Conn
}

// newDoor stands shut before the server at the URL, and returns the URL of itself.
func newDoor(t *testing.T, rawURL string) (*door, string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	d := &door{listener: listener, behind: u.Host}
	d.group.Go(d.serve)
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		d.cut()
		d.group.Wait()
	})
	u.Host = listener.Addr().String()
	return d, u.String()
}

func (d *door) serve() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mutex.Lock()
		d.held = append(d.held, conn)
		if d.open {
			d.group.Go(func() { d.lead(conn) })
		}
		d.mutex.Unlock()
	}
}

func (d *door) lead(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	server, err := net.Dial("tcp", d.behind)
	if err != nil {
		return
	}
	d.mutex.Lock()
	d.held = append(d.held, server)
	d.mutex.Unlock()
	d.group.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.Close()
	})
	_, _ = io.Copy(conn, server)
}

// Open lets new connections through, and ends those that have waited.
func (d *door) Open() {
	d.mutex.Lock()
	d.open = true
	d.mutex.Unlock()
	d.cut()
}

// Shut ends all connections, and lets none through from now on.
func (d *door) Shut() {
	d.mutex.Lock()
	d.open = false
	d.mutex.Unlock()
	d.cut()
}

func (d *door) cut() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, conn := range d.held {
		_ = conn.Close()
	}
	d.held = nil
}
