package postgres

import (
	"context"
	"net"
	"time"
)

// keepAlive detects within a few seconds that the other end of a connection is gone while a statement waits for its result.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}

// unacknowledgedTimeout is how long sent data may stay unacknowledged before the kernel closes the connection. It detects a network that drops
// packets on a busy connection, which liveness does not ping.
const unacknowledgedTimeout = 1500 * time.Millisecond

// dial opens a TCP connection, or one to a Unix socket.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: keepAlive, Control: control}
	return dialer.DialContext(ctx, network, address)
}
