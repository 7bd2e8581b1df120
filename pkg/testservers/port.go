package testservers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range that systems hand out to outgoing connections (from 32768 on Linux, from 49152 on macOS).
// A port of that range could be gone when a stopped server wants it back, and a client that keeps connecting to it while nobody
// listens can even end up connected to itself.
const (
	lowestPort  = 15000
	highestPort = 32767
)

// portAttempts bounds the search for a port, and how often a server is started again because another process was faster.
const portAttempts = 20

const loopback = "127.0.0.1"

var errPortTaken = errors.New("the port has been taken by another process")

// freePort returns a port that nobody listens on. Somebody may by the time it is used.
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
