package hostile

import (
	"context"
	"net"
	"testing"
)

// InMemory returns a dial function for tests on virtual time. It connects to the scripts in turn without a socket, and to the last
// one again and again.
func InMemory(t *testing.T, scripts ...func(*Peer)) func(ctx context.Context, network, address string) (net.Conn, error) {
	t.Helper()
	gone := make(chan struct{})
	t.Cleanup(func() { close(gone) })
	turns := make(chan func(*Peer), len(scripts))
	for _, script := range scripts {
		turns <- script
	}
	return func(context.Context, string, string) (net.Conn, error) {
		script := <-turns
		if len(turns) == 0 {
			turns <- script
		}
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			script(newPeer(theirs, gone))
		}()
		return ours, nil
	}
}
