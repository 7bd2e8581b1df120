package sender

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func dialError(network string, address net.Addr, call string, number syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: network, Addr: address, Err: os.NewSyscallError(call, number)}
}

func TestShortageOf(t *testing.T) {
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
		s := shortageOf(c.err)
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

// The first address of a host is refused, and no socket is left for the second.
func TestSendSecondAddressMeetsShortage(t *testing.T) {
	t.Parallel()
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	refused := dialError("tcp", local, "connect", syscall.ECONNREFUSED)
	var d dialing
	d.done("tcp", "", refused)
	assert.Equal(t, refused, d.explain(refused, false))
	d.done("tcp", "", dialError("tcp", local, "socket", syscall.EMFILE))
	var s *Shortage
	require.ErrorAs(t, d.explain(refused, false), &s)
	assert.Equal(t, refused, d.explain(refused, true), "the connection was there, and the receiver failed")
}

// A process without a descriptor to spare makes no attempt, and closes its idle connections to have some.
func TestSendWithoutDescriptorsIsNoAttempt(t *testing.T) {
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer healthy.Close()
	s := newSender(t)
	d := newDispatch(t, healthy.URL)

	taken := takeDescriptors(t)
	result, err := s.Send(t.Context(), d)
	taken.release()
	var short *Shortage
	require.ErrorAs(t, err, &short)
	assert.ErrorIs(t, err, syscall.EMFILE)
	assert.Zero(t, result)

	result, err = s.Send(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNoContent, result.ResponseStatus)
}

// descriptors are all that the process may have.
type descriptors struct {
	t     *testing.T
	files []*os.File
	limit syscall.Rlimit
}

// takeDescriptors lowers the limit of open files a little above those in use, and opens what is left.
func takeDescriptors(t *testing.T) *descriptors {
	t.Helper()
	d := &descriptors{t: t}
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &d.limit))
	lowered := d.limit
	lowered.Cur = 64
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lowered))
	for {
		file, err := os.Open(os.DevNull)
		if err != nil {
			require.ErrorIs(t, err, syscall.EMFILE)
			return d
		}
		d.files = append(d.files, file)
	}
}

func (d *descriptors) release() {
	for _, file := range d.files {
		_ = file.Close()
	}
	require.NoError(d.t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &d.limit))
}
