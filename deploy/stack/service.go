package stack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit bounds how long a service may take until it says that it has started.
	startLimit = 30 * time.Second
	// killLimit bounds how long a killed process may take to disappear.
	killLimit = 10 * time.Second
)

// Service is one process of a stack. Its addresses, once bound, stay the same over restarts. All its methods are safe for
// concurrent use.
type Service struct {
	name      string
	program   string
	settings  map[string]string
	stopLimit time.Duration
	journal   *journal

	mu    sync.Mutex
	child *child
	bound addresses
}

// Start starts a service that is not running and returns when it has started. Settings replace those that it has, for this
// run.
func (s *Service) Start(settings map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil && s.child.running() {
		return fmt.Errorf("%s is running already", s.name)
	}
	run := maps.Clone(s.settings)
	maps.Copy(run, settings)
	if s.bound.Ops != "" {
		run["API_ADDR"], run["OPS_ADDR"] = s.bound.API, s.bound.Ops
	}
	child, err := startChild(s.program, nil, environ(run), s.journal)
	if err != nil {
		return err
	}
	s.child = child

	timer := time.NewTimer(startLimit)
	defer timer.Stop()
	select {
	case s.bound = <-s.journal.started:
		return nil
	case <-child.done:
		return fmt.Errorf("%s ended early (%s); the end of its log:\n%s", s.name, child.state, s.journal.end())
	case <-timer.C:
		_ = child.signal(syscall.SIGKILL)
		child.wait(killLimit)
		return fmt.Errorf("%s has not started after %s; the end of its log:\n%s", s.name, startLimit, s.journal.end())
	}
}

// Terminate asks the service to end, as an orchestrator does, and does not wait for it.
func (s *Service) Terminate() error { return s.current().signal(syscall.SIGTERM) }

// Wait waits until the service has ended and returns its exit code, -1 if a signal ended it. One that takes too long is
// killed, and an error.
func (s *Service) Wait() (code int, err error) {
	child := s.current()
	if child.wait(s.stopLimit) {
		return child.state.ExitCode(), nil
	}
	err = fmt.Errorf("%s has not ended after %s and was killed", s.name, s.stopLimit)
	return -1, errors.Join(err, s.Kill())
}

// Stop ends the service in good order; that it was not in good order is the error. A service that is not running is fine.
func (s *Service) Stop() error {
	if !s.current().running() {
		return nil
	}
	if err := s.Terminate(); err != nil {
		return err
	}
	code, err := s.Wait()
	if err == nil && code != 0 {
		err = fmt.Errorf("%s ended with exit code %d", s.name, code)
	}
	return err
}

// Kill ends the service as a crash would, and returns when it is gone.
func (s *Service) Kill() error {
	child := s.current()
	if err := child.signal(syscall.SIGKILL); err != nil {
		return err
	}
	if !child.wait(killLimit) {
		return fmt.Errorf("%s is still there %s after SIGKILL", s.name, killLimit)
	}
	return nil
}

// PID is the process ID of the current run, or of the last one.
func (s *Service) PID() int { return s.current().process.Pid }

// OpsURL is the base URL of health and metrics.
func (s *Service) OpsURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.Ops
}

func (s *Service) url() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.API
}

func (s *Service) current() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child
}

func environ(settings map[string]string) []string {
	list := make([]string, 0, len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, name+"="+settings[name])
	}
	return list
}
