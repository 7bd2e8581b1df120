package containers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
)

// given are the ports and networks that this process has returned. Without it, one that is free again could be returned twice.
var given sync.Map

// freePort returns a port of loopback on which nothing listens.
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

// freeNetwork finds the first three bytes of a private network that no interface of this machine is in, those of the engine among
// them.
func freeNetwork() (string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", fmt.Errorf("find a free network: %w", err)
	}
	for {
		start := fmt.Sprintf("10.%d.%d", 214+rand.N(40), rand.N(256))
		wanted := netip.MustParsePrefix(start + ".0/24")
		taken := false
		for _, address := range addresses {
			used, err := netip.ParsePrefix(address.String())
			taken = taken || err == nil && used.Overlaps(wanted)
		}
		if _, twice := given.LoadOrStore(start, true); !taken && !twice {
			return start, nil
		}
	}
}
