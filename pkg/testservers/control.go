package testservers

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Port returns the port on 127.0.0.1, which is the same over all restarts.
func (s *server) Port() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.port
}

// PID returns the process ID, 0 while the server is not running.
func (s *server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || !s.process.running() {
		return 0
	}
	return s.process.pid
}

// Stop ends the server in good order, by force if it takes longer than a minute. It keeps the data, so that Restart can go on
// with it, and does nothing if the server is not running.
func (s *server) Stop() error {
	return s.end("stopping", func(p *process) error { return p.stop(s.program.stop, stopTimeout) })
}

// Kill ends the server and its children with SIGKILL, as a crash would. It keeps the data and does nothing if the server is not
// running.
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

// Pause freezes the server with SIGSTOP: connections stay open, new ones are accepted by the kernel, and nobody answers.
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

// Resume lets a paused server go on.
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

// Restart starts the server again on the same port and directory, stopping it first if it is running, and returns when it answers.
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

// Close ends the server at once and removes its data. It is safe to call twice.
func (s *server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if s.process != nil {
		if err := s.process.stop(s.program.discard, stopTimeout); err != nil {
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
