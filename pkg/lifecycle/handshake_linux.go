package lifecycle

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// synBit is the flag of a TCP segment that opens a connection, in the byte at flagsOffset.
const (
	synBit      = 0x02
	flagsOffset = 13
)

// refuseHandshakes has the kernel drop segments that open a connection. Handshakes that have begun are completed, and the listener
// accepts them. A client whose segment is dropped sends it again a second later.
//
// Without it, connections that are complete and not yet accepted are reset when the listener is closed. Their clients may have sent
// a request, and cannot know whether it was read.
func refuseHandshakes(listener net.Listener) error {
	tcp, isTCP := listener.(*net.TCPListener)
	if !isTCP {
		return errors.New("the listener is not TCP")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return fmt.Errorf("reach the listener's socket: %w", err)
	}
	instructions := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flagsOffset},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: synBit},
		{Code: unix.BPF_RET | unix.BPF_K},            // drop
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff}, // keep
	}
	program := unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptSockFprog(int(fd), syscall.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program)
	}); err != nil {
		return fmt.Errorf("reach the listener's socket: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("attach a filter to the listener: %w", failed)
	}
	return nil
}
