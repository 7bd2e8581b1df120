package testservers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are chosen below the range that systems use for outgoing connections (from 32768 on Linux, from 49152 on macOS). A port in that
// range could be in use when a stopped server starts again. A client that keeps dialling such a port while no server listens can even
// connect to itself.
const (
	lowestPort  = 15000
	highestPort = 32767
)

// portAttempts bounds the tries to find a free port, and the restarts of a server whose port another process has taken.
const portAttempts = 20

const loopback = "127.0.0.1"

var errPortTaken = errors.New("the port has been taken by another process")

// freePort returns a port on which no process listens. Another process may take it before it is used.
func freePort() (int, error) {
	var last error
	for range portAttempts {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		listener, err := net.Listen("tcp", address(port))
		if err != nil {
			last = err
			continue
		}
		return port, listener.Close()
	}
	return 0, fmt.Errorf("looking for a free port: %w", last)
}

func address(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}
