package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Server is an HTTP server that is bound before it serves. Its port is therefore known before Start, also for port 0, and a port that is in
// use is an error of NewServer.
type Server struct {
	http     *http.Server
	listener net.Listener
	failed   chan error
	draining atomic.Bool
	drained  atomic.Bool
}

// ListenError means that an address could not be bound.
type ListenError struct {
	Addr string
	Err  error
}

func (e *ListenError) Error() string { return "listen on " + e.Addr + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// NewServer binds the address. The caller sets the server's handler, limits and timeouts. It returns a *ListenError if the address cannot be
// bound.
func NewServer(addr string, server *http.Server) (*Server, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // its sockets take no filter, which Drain needs
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		var cause *net.OpError
		if errors.As(err, &cause) {
			err = cause.Err // the other fields repeat the address
		}
		return nil, &ListenError{addr, err}
	}
	s := &Server{http: server, listener: listener, failed: make(chan error, 1)}
	server.Handler = s.closeWhileDraining(server.Handler)
	return s, nil
}

// closeWhileDraining makes the server close each connection after its next response, once the server is draining.
func (s *Server) closeWhileDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Addr returns the address that was bound, with the actual port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Start serves in a new goroutine until Stop is called.
func (s *Server) Start() {
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", s.Addr(), err)
		}
	}()
}

// Failed returns a channel that receives the error if serving fails.
func (s *Server) Failed() <-chan error { return s.failed }

// settle is how long a handshake may take that has begun when Drain ends, and the server after accepting a connection until it knows of
// it. It is far above the time of a packet in one network.
const settle = 200 * time.Millisecond

// acceptLimit is how long Drain waits for the server to accept the connections that have begun.
const acceptLimit = 20 * time.Second

// Drain keeps serving for the delay, or until ctx ends, and closes each connection after its next response. The delay lets load balancers
// detect that this process is not ready. Closing after a response avoids errors: a connection that is closed while a request is being
// sent fails that request.
//
// With a delay above 0, Drain then waits until the server has accepted every connection that has begun, and no new one begins meanwhile.
// Both need Linux, and the latter CAP_NET_ADMIN with some kernels. Without it, a connection that begins just before Stop can be reset.
func (s *Server) Drain(ctx context.Context, delay time.Duration) {
	s.draining.Store(true)
	wait(ctx, delay)
	if delay == 0 {
		return
	}
	s.drained.Store(true)
	if refuseHandshakes(s.listener) == nil {
		wait(ctx, settle)
	}
	for until := time.Now().Add(acceptLimit); unaccepted(s.listener) > 0 && ctx.Err() == nil && time.Now().Before(until); {
		wait(ctx, time.Millisecond)
	}
}

func wait(ctx context.Context, delay time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(delay):
	}
}

// Stop accepts no new connections and waits for requests in progress. When ctx ends, it closes their connections and returns an error. Stop
// also releases the address of a server that was not started.
func (s *Server) Stop(ctx context.Context) error {
	defer func() { _ = s.listener.Close() }() // Shutdown has closed it if Start was called
	err := s.http.Shutdown(ctx)
	if err == nil && s.drained.Load() {
		wait(ctx, settle) // the server does not know yet of what it accepted last
		err = s.http.Shutdown(ctx)
	}
	if err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
