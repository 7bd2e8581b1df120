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

// Server is an HTTP server that has its address before it serves, so that whoever asked for port 0 can be told which port
// it is, and a taken port is an error of New.
type Server struct {
	http     *http.Server
	listener net.Listener
	failed   chan error
	draining atomic.Bool
}

// ListenError is an address that could not be bound.
type ListenError struct {
	Addr string
	Err  error
}

func (e *ListenError) Error() string { return "listen on " + e.Addr + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *ListenError) Unwrap() error { return e.Err }

// NewServer binds the address. The server's handler, limits and timeouts are the caller's.
func NewServer(addr string, server *http.Server) (*Server, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // its sockets take no filter, which Drain needs
	listener, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		var cause *net.OpError
		if errors.As(err, &cause) {
			err = cause.Err // the rest would say the address again
		}
		return nil, &ListenError{addr, err}
	}
	s := &Server{http: server, listener: listener, failed: make(chan error, 1)}
	server.Handler = s.sendingAway(server.Handler)
	return s, nil
}

// sendingAway tells clients, once the server is draining, to go on over another connection.
func (s *Server) sendingAway(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Addr is the address that was bound, with the port that it got.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Start serves in the background.
func (s *Server) Start() {
	go func() {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", s.Addr(), err)
		}
	}()
}

// Failed delivers the error that ended serving, if one does.
func (s *Server) Failed() <-chan error { return s.failed }

// settle is how long a handshake may take that has begun when Drain ends. It is far above the time of a packet in one network.
const settle = 200 * time.Millisecond

// Drain goes on serving for the delay, or until ctx ends, and closes each connection with the next answer that it carries. In that
// time a load balancer stops sending requests here. A client whose connection is closed with a request on its way gets an error.
// With a delay above 0, no new connection begins at the end, where the system supports this, and those that have begun are accepted.
func (s *Server) Drain(ctx context.Context, delay time.Duration) {
	s.draining.Store(true)
	wait(ctx, delay)
	if delay > 0 && refuseHandshakes(s.listener) == nil {
		wait(ctx, settle)
	}
}

func wait(ctx context.Context, delay time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(delay):
	}
}

// Stop takes no new connections and waits for requests in progress; those that outlast the context are cut off. It also
// unbinds a server that was never started.
func (s *Server) Stop(ctx context.Context) error {
	defer func() { _ = s.listener.Close() }() // Shutdown has closed it if Start was called
	err := s.http.Shutdown(ctx)
	if err != nil {
		return errors.Join(err, s.http.Close())
	}
	return nil
}
