package lifecycle

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// synBit is the flag of a TCP segment that opens a connection, in the byte at flagsOffset.
const (
	synBit      = 0x02
	flagsOffset = 13
)

// refuseHandshakes makes the kernel drop segments that open a connection. Handshakes that have begun are completed, and the listener
// accepts them. A client whose segment is dropped sends it again a second later.
//
// Without it, connections that are complete and not yet accepted are reset when the listener is closed. Their clients may have sent
// a request, and cannot determine whether it was read.
func refuseHandshakes(listener net.Listener) error {
	instructions := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flagsOffset},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: synBit},
		{Code: unix.BPF_RET | unix.BPF_K},            // drop
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff}, // keep
	}
	program := unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]} //nolint:gosec // there are four
	err := onSocket(listener, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	})
	if err != nil {
		return fmt.Errorf("attach a filter to the listener: %w", err)
	}
	return nil
}

// unaccepted returns how many connections are complete and not accepted by the server.
func unaccepted(listener net.Listener) (count int) {
	_ = onSocket(listener, func(fd int) error { // on an error there is nothing to wait for
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			count = int(info.Unacked) // of a listener, the length of its queue
		}
		return err
	})
	return count
}

func onSocket(listener net.Listener, do func(fd int) error) error {
	tcp, isTCP := listener.(*net.TCPListener)
	if !isTCP {
		return errors.New("the listener is not TCP")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("reach the listener's socket: %w", err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil {
		return fmt.Errorf("reach the listener's socket: %w", err)
	}
	return failed
}
