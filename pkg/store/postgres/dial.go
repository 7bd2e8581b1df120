package postgres

import (
	"context"
	"net"
	"time"
)

// keepAlive finds a connection whose other end is gone within half a minute, while a statement waits for its result.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// unacknowledgedTimeout is how long sent data may stay unacknowledged until the kernel ends the connection. Liveness does not ping a
// busy connection, so that a network that drops its packets is found here.
const unacknowledgedTimeout = 1500 * time.Millisecond

// dial opens a TCP connection, or one to a Unix socket.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: keepAlive, Control: control}
	return dialer.DialContext(ctx, network, address)
}
