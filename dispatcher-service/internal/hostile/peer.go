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

// Receiver is raw TCP: every connection is handed to the script, and closed after it.
type Receiver struct {
	URL         string
	Connections chan struct{} // one for each
}

// Listen serves until the test ends.
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
		for _, conn := range open { // a sender keeps them for the next request
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
	gone   chan struct{} // closed when the test is over
}

func newPeer(conn net.Conn, gone chan struct{}) *Peer {
	return &Peer{Conn: conn, reader: bufio.NewReader(conn), gone: gone}
}

// Request reads one whole request; false when there is none to come.
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

// Say writes text and tells whether somebody is still there.
func (p *Peer) Say(text string) bool {
	_, err := p.Write([]byte(text))
	return err == nil
}

// Answered is a script that reads the request and says the text.
func Answered(text string) func(*Peer) {
	return func(p *Peer) {
		if _, ok := p.Request(); ok {
			p.Say(text)
		}
	}
}

// Drip says the text again and again until the other side is gone, with a pause in between if it is not zero.
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

// Silence waits for the other side to leave.
func (p *Peer) Silence() { _, _ = io.Copy(io.Discard, p.reader) }

// Reset ends a connection of Listen with RST instead of FIN.
func (p *Peer) Reset() { _ = p.Conn.(*net.TCPConn).SetLinger(0) }
