package postgres

import (
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// control sets a TCP connection's options before it connects.
func control(network, _ string, connection syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	failed := connection.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledgedTimeout.Milliseconds()))
	})
	if failed != nil {
		return failed
	}
	return err
}
