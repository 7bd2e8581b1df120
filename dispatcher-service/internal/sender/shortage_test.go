package sender

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/shortage"
)

func dialError(network string, address net.Addr, call string, number syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: network, Addr: address, Err: os.NewSyscallError(call, number)}
}

// The first address of a host is refused, and there is no socket for the second.
func TestSendSecondAddressMeetsShortage(t *testing.T) {
	t.Parallel()
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	refused := dialError("tcp", local, "connect", syscall.ECONNREFUSED)
	var d dialing
	d.done("tcp", "", refused)
	assert.Equal(t, refused, d.explain(refused, false))
	d.done("tcp", "", dialError("tcp", local, "socket", syscall.EMFILE))
	var s *shortage.Shortage
	require.ErrorAs(t, d.explain(refused, false), &s)
	assert.Equal(t, refused, d.explain(refused, true), "the connection was there, and the receiver failed")
}

// The resolver could not query IPv4 addresses, and the host's IPv6 address is refused. The host may have an IPv4 address.
func TestSendHalfOfLookupMeetsShortage(t *testing.T) {
	local := &net.TCPAddr{IP: net.IPv6loopback, Port: 443}
	refused := dialError("tcp", local, "connect", syscall.ECONNREFUSED)
	l := new(lookups)
	d := newDialing("example.com", l)
	require.Equal(t, refused, d.explain(refused, false))

	taken := takeDescriptors(t)
	_, err := l.resolver().Dial(t.Context(), "udp", "127.0.0.1:53")
	taken.release()
	require.ErrorIs(t, err, syscall.EMFILE)
	var s *shortage.Shortage
	require.ErrorAs(t, d.explain(refused, false), &s)
	assert.ErrorIs(t, s, syscall.EMFILE)
	assert.Equal(t, refused, d.explain(refused, true), "the connection was there, and the receiver failed")
	assert.Equal(t, refused, newDialing("127.0.0.1", l).explain(refused, false), "an address is not looked up")
	d.began = d.began.Add(time.Hour)
	assert.Equal(t, refused, d.explain(refused, false), "the shortage was long before")
}

// A process without a free descriptor makes no attempt, and closes its idle connections to free some.
func TestSendWithoutDescriptorsIsNoAttempt(t *testing.T) {
	healthy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer healthy.Close()
	s := newSender(t)
	d := newDispatch(t, healthy.URL)

	taken := takeDescriptors(t)
	result, err := s.Send(t.Context(), d)
	taken.release()
	var short *shortage.Shortage
	require.ErrorAs(t, err, &short)
	assert.ErrorIs(t, err, syscall.EMFILE)
	assert.Zero(t, result)

	result, err = s.Send(t.Context(), d)
	require.NoError(t, err)
	assert.Equal(t, http.StatusNoContent, result.ResponseStatus)
}

// descriptors is the limit of the process.
type descriptors struct {
	t     *testing.T
	files []*os.File
	limit syscall.Rlimit
}

// takeDescriptors lowers the limit of open files slightly above the number in use, and opens the rest.
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
