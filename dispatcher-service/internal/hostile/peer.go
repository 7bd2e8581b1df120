package hostile

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Receiver is a TCP server that runs a script for every connection and closes the connection after it.
type Receiver struct {
	URL         string
	Connections chan struct{} // one value per accepted connection
}

// Listen starts a Receiver that runs until the test ends.
func Listen(t *testing.T, script func(*Peer)) *Receiver {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &Receiver{URL: "http://" + listener.Addr().String() + "/hook", Connections: make(chan struct{}, 1000)}
	gone := make(chan struct{})
	var mutex sync.Mutex
	var open []net.Conn
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			open = append(open, conn)
			mutex.Unlock()
			r.Connections <- struct{}{}
			group.Go(func() {
				defer func() { _ = conn.Close() }()
				script(newPeer(conn, gone))
			})
		}
	})
	t.Cleanup(func() {
		close(gone)
		_ = listener.Close()
		mutex.Lock()
		for _, conn := range open { // the sender may keep them open for further requests
			_ = conn.Close()
		}
		mutex.Unlock()
		group.Wait()
	})
	return r
}

// Peer is the receiver's side of one connection.
type Peer struct {
	net.Conn
	reader *bufio.Reader
	gone   chan struct{} // closed at the end of the test
}

func newPeer(conn net.Conn, gone chan struct{}) *Peer {
	return &Peer{Conn: conn, reader: bufio.NewReader(conn), gone: gone}
}

// Request reads one request with its body. It returns false if the connection ends before one.
func (p *Peer) Request() (*http.Request, bool) {
	request, err := http.ReadRequest(p.reader)
	if err != nil {
		return nil, false
	}
	for body := request.Body; err == nil; {
		_, err = body.Read(make([]byte, 4096))
	}
	return request, true
}

// Say writes text and reports whether that succeeded.
func (p *Peer) Say(text string) bool {
	_, err := p.Write([]byte(text))
	return err == nil
}

// Answered returns a script that reads a request and writes text.
func Answered(text string) func(*Peer) {
	return func(p *Peer) {
		if _, ok := p.Request(); ok {
			p.Say(text)
		}
	}
}

// Drip writes text repeatedly, with a pause in between, until the sender closes the connection or the test ends.
func (p *Peer) Drip(text string, pause time.Duration) {
	for p.Say(text) {
		if pause == 0 {
			continue
		}
		select {
		case <-p.gone:
			return
		case <-time.After(pause):
		}
	}
}

// Silence writes nothing and returns when the sender closes the connection.
func (p *Peer) Silence() { _, _ = io.Copy(io.Discard, p.reader) }

// Reset ends a connection of Listen with RST instead of FIN.
func (p *Peer) Reset() { _ = p.Conn.(*net.TCPConn).SetLinger(0) }
