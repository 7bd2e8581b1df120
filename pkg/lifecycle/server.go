package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
)

// Server is an HTTP server that has its address before it serves, so that whoever asked for port 0 can be told which port
// it is, and a taken port is an error of New.
type Server struct {
	http     *http.Server
	listener net.Listener
	failed   chan error
}

// NewServer binds the address. The server's handler, limits and timeouts are the caller's.
func NewServer(addr string, server *http.Server) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		var cause *net.OpError
		if errors.As(err, &cause) {
			err = cause.Err // the rest would say the address again
		}
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return &Server{http: server, listener: listener, failed: make(chan error, 1)}, nil
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
