package containers

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// given are the ports that this process has handed out: one that is free again at once could be given twice.
var given sync.Map

// freePort finds a port of loopback that nobody listens on.
func freePort(ctx context.Context) (string, error) {
	for {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
		if _, twice := given.LoadOrStore(port, true); !twice {
			return port, nil
		}
	}
}
