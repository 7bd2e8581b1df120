// Package shortage recognises errors of the network that come from a lack of this process's or this machine's own resources. The
// other side is not at fault then.
package shortage

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
)

// Shortage is the error of an operation that could not begin because this process or its machine has run out of a resource.
type Shortage struct { //nolint:errname // named for what it describes, like egress.Refusal
	// Resource is a plural noun phrase, such as "file descriptors".
	Resource string
	cause    error
}

func (s *Shortage) Error() string { return "out of " + s.Resource + ": " + s.cause.Error() }

func (s *Shortage) Unwrap() error { return s.cause }

// exhausted lists the error numbers of Linux and BSD that say that a resource is exhausted, whatever the destination is.
var exhausted = []struct {
	number   syscall.Errno
	resource string
}{
	{syscall.EMFILE, "file descriptors of this process (ulimit -n)"},
	{syscall.ENFILE, "file descriptors of this machine"},
	{syscall.ENOBUFS, "network buffers"},
	{syscall.ENOMEM, "memory"},
	{syscall.ENOSPC, "epoll watches"},
}

// localPorts is the resource behind EADDRNOTAVAIL, and behind EAGAIN for UDP.
const localPorts = "local ports (net.ipv4.ip_local_port_range)"

// Of returns the shortage behind an error, or nil. A read that fails comes after the request was sent, so its error is no
// shortage.
func Of(err error) *Shortage {
	var op *net.OpError
	isOp := errors.As(err, &op)
	if isOp && op.Op == "read" {
		return nil
	}
	for _, e := range exhausted {
		if errors.Is(err, e.number) {
			return &Shortage{Resource: e.resource, cause: err}
		}
	}
	if isOp && errors.Is(err, syscall.EADDRNOTAVAIL) && hasSource(op.Addr) {
		return &Shortage{Resource: localPorts, cause: err}
	}
	return ofDNS(err)
}

// ofDNS finds the shortage in an error of the resolver, which keeps the text of its cause and drops the cause.
func ofDNS(err error) *Shortage {
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		return nil
	}
	for _, e := range exhausted {
		if strings.HasSuffix(dns.Err, e.number.Error()) {
			return &Shortage{Resource: e.resource, cause: err}
		}
	}
	for _, number := range []syscall.Errno{syscall.EAGAIN, syscall.EADDRNOTAVAIL} {
		if strings.HasSuffix(dns.Err, number.Error()) {
			return &Shortage{Resource: localPorts, cause: err}
		}
	}
	return nil
}

// unroutable lists the error numbers of a destination that this machine has no source address for.
var unroutable = []syscall.Errno{
	syscall.EADDRNOTAVAIL, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EAFNOSUPPORT, syscall.EINVAL, syscall.EACCES,
}

// hasSource reports whether this machine has a source address for a destination. EADDRNOTAVAIL also means that it has none, for
// example for IPv6 where IPv6 is disabled. Connecting a UDP socket sends nothing and needs no TCP port.
func hasSource(destination net.Addr) bool {
	if destination == nil {
		return false
	}
	conn, err := new(net.Dialer).DialContext(context.Background(), "udp", destination.String())
	if err == nil {
		_ = conn.Close()
		return true
	}
	for _, number := range unroutable {
		if errors.Is(err, number) {
			return false
		}
	}
	return true
}
