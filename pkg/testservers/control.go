package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Port returns the port on 127.0.0.1. Restarts do not change it.
func (s *server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// PID returns the process ID, or 0 while the server is not running.
func (s *server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || !s.process.running() {
		return 0
	}
	return s.process.pid
}

// Stop shuts the server down, and kills it if that takes longer than safetyLimit. The data is kept for Restart. Stop does nothing if the
// server is not running.
func (s *server) Stop() error {
	return s.end("stopping", func(p *process) error { return p.stop(s.program.stop, safetyLimit) })
}

// Kill ends the server and its children with SIGKILL, like a crash. The data is kept. Kill does nothing if the server is not running.
func (s *server) Kill() error {
	return s.end("killing", (*process).kill)
}

func (s *server) end(doing string, end func(*process) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	if err := end(s.process); err != nil {
		return fmt.Errorf("%s %s: %w", doing, s.program.name, err)
	}
	return nil
}

// Pause freezes the server with SIGSTOP. Connections stay open and the kernel accepts new ones, but there are no replies.
func (s *server) Pause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("pausing %s: %w", s.program.name, errNotRunning)
	}
	if _, err := s.process.freeze(); err != nil {
		return fmt.Errorf("pausing %s: %w", s.program.name, err)
	}
	return nil
}

// Resume continues a paused server.
func (s *server) Resume() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return fmt.Errorf("resuming %s: %w", s.program.name, errNotRunning)
	}
	if err := s.process.thaw(); err != nil {
		return fmt.Errorf("resuming %s: %w", s.program.name, err)
	}
	return nil
}

// Restart stops the server if it is running, starts it on the same port and directory, and returns when it replies.
func (s *server) Restart(ctx context.Context) error {
	if err := s.Stop(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("restarting %s: %w", s.program.name, os.ErrClosed)
	}
	return s.start(ctx)
}

// Close kills the server and removes its data. It may be called twice.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.process != nil {
		if err := s.process.stop(s.program.discard, safetyLimit); err != nil {
			return fmt.Errorf("closing %s: %w", s.program.name, err)
		}
	}
	var errs []error
	if s.program.discarded != nil {
		errs = append(errs, s.program.discarded())
	}
	errs = append(errs, s.dir.remove())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("closing %s: %w", s.program.name, err)
	}
	s.closed = true
	open.remove(s)
	return nil
}
