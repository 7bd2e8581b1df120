package shortage

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func dialError(network string, address net.Addr, call string, number syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: network, Addr: address, Err: os.NewSyscallError(call, number)}
}

func TestOfRecognizesEveryShortage(t *testing.T) {
	t.Parallel()
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	sourceless := &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 443} // without a zone no interface is known
	dns := func(text string) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: text, Name: "example.com"}}
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"no descriptor":             {dialError("tcp", local, "socket", syscall.EMFILE), exhausted[0].resource},
		"no descriptor, wrapped":    {&url.Error{Op: "Post", Err: dialError("tcp", local, "socket", syscall.EMFILE)}, exhausted[0].resource},
		"no descriptor on machine":  {dialError("tcp", local, "socket", syscall.ENFILE), exhausted[1].resource},
		"no buffers":                {dialError("tcp", local, "connect", syscall.ENOBUFS), "network buffers"},
		"no memory":                 {dialError("tcp", local, "socket", syscall.ENOMEM), "memory"},
		"no memory to write":        {&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ENOMEM)}, "memory"},
		"no epoll watch":            {dialError("tcp", local, "epollctl", syscall.ENOSPC), "epoll watches"},
		"no port":                   {dialError("tcp", local, "connect", syscall.EADDRNOTAVAIL), localPorts},
		"DNS without a descriptor":  {dns("dial udp 127.0.0.53:53: socket: too many open files"), exhausted[0].resource},
		"DNS, machine":              {dns("dial udp 127.0.0.53:53: socket: too many open files in system"), exhausted[1].resource},
		"DNS without a port":        {dns("dial udp 127.0.0.53:53: connect: resource temporarily unavailable"), localPorts},
		"roots without descriptor":  {x509.SystemRootsError{Err: &fs.PathError{Op: "open", Path: "ca.pem", Err: syscall.EMFILE}}, exhausted[0].resource},
		"read without memory":       {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ENOMEM)}, ""},
		"no source address":         {dialError("tcp", sourceless, "connect", syscall.EADDRNOTAVAIL), ""},
		"refused":                   {dialError("tcp", local, "connect", syscall.ECONNREFUSED), ""},
		"unreachable":               {dialError("tcp", local, "connect", syscall.ENETUNREACH), ""},
		"timed out":                 {dialError("tcp", local, "connect", syscall.ETIMEDOUT), ""},
		"no such host":              {dns("no such host"), ""},
		"server misbehaving":        {dns("server misbehaving"), ""},
		"a receiver's own sentence": {errors.New("malformed HTTP response \"too many open files\""), ""},
	} {
		s := Of(c.err)
		if c.want == "" {
			assert.Nil(t, s, name)
			continue
		}
		if assert.NotNil(t, s, name) {
			assert.Equal(t, c.want, s.Resource, name)
			assert.ErrorIs(t, s, c.err, name)
		}
	}
}
