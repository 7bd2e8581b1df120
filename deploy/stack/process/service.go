package process

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// startLimit bounds how long a service may take until it says that it has started.
	startLimit = 2 * time.Minute
	// killLimit bounds how long a killed process may take to disappear.
	killLimit = time.Minute
)

// Options of a Service.
type Options struct {
	// Name is what errors call it.
	Name string
	// Program is the path of its binary, and Args what it is given. Program is required.
	Program string
	Args    []string
	// Settings are its whole environment.
	Settings map[string]string
	// StopLimit is how long it may take to end in good order.
	StopLimit time.Duration
	// Ready are the messages in its log that say that it has started. Defaults to those of the services.
	Ready []string
	// Log is given a copy of what the service writes. Defaults to nowhere.
	Log io.Writer
}

// Service is one process at a time. Its addresses, once bound, stay the same over restarts. All its methods are safe for
// concurrent use.
type Service struct {
	options Options
	journal *journal

	mu    sync.Mutex
	child *child
	bound addresses
}

// New makes a service without starting it.
func New(options Options) *Service {
	if options.Log == nil {
		options.Log = io.Discard
	}
	journal := newJournal()
	if len(options.Ready) > 0 {
		journal.ready = options.Ready
	}
	return &Service{options: options, journal: journal}
}

// Start starts a service that is not running and returns when it has started. Settings replace those that it has, for this
// run.
func (s *Service) Start(settings map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil && s.child.running() {
		return fmt.Errorf("%s is running already", s.options.Name)
	}
	run := maps.Clone(s.options.Settings)
	maps.Copy(run, settings)
	if s.bound.Ops != "" {
		run["API_ADDR"], run["OPS_ADDR"] = s.bound.API, s.bound.Ops
	}
	child, err := startChild(s.options.Program, s.options.Args, Environ(run), io.MultiWriter(s.journal, s.options.Log))
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
		return fmt.Errorf("%s ended early (%s); the end of its log:\n%s", s.options.Name, child.state, s.journal.end())
	case <-timer.C:
		_ = child.signal(syscall.SIGKILL)
		child.wait(killLimit)
		return fmt.Errorf("%s has not started after %s; the end of its log:\n%s", s.options.Name, startLimit, s.journal.end())
	}
}

// Started says whether the service was ever started.
func (s *Service) Started() bool { return s.current() != nil }

// Running says whether it runs, frozen or not.
func (s *Service) Running() bool {
	child := s.current()
	return child != nil && child.running()
}

// Terminate asks the service to end, as an orchestrator does, and does not wait for it.
func (s *Service) Terminate() error { return s.current().signal(syscall.SIGTERM) }

// Freeze stops the process where it is: its connections stay open, and nobody answers on them.
func (s *Service) Freeze() error { return s.current().signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (s *Service) Thaw() error { return s.current().signal(syscall.SIGCONT) }

// Wait waits until the service has ended and returns its exit code, -1 if a signal ended it. One that takes too long is
// killed, and an error.
func (s *Service) Wait() (code int, err error) {
	child := s.current()
	if child.wait(s.options.StopLimit) {
		return child.state.ExitCode(), nil
	}
	err = fmt.Errorf("%s has not ended after %s and was killed; the end of its log:\n%s", s.options.Name, s.options.StopLimit, s.journal.end())
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
		err = fmt.Errorf("%s ended with exit code %d", s.options.Name, code)
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
		return fmt.Errorf("%s is still there %s after SIGKILL", s.options.Name, killLimit)
	}
	return nil
}

// Name is what errors call it.
func (s *Service) Name() string { return s.options.Name }

// PID is the process ID of the current run, or of the last one.
func (s *Service) PID() int { return s.current().process.Pid }

// URL is the base URL of its API, if it has one.
func (s *Service) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.API
}

// OpsURL is the base URL of health and metrics.
func (s *Service) OpsURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.Ops
}

// Forbid has a text noticed that must not be in the log, from now on.
func (s *Service) Forbid(text string) { s.journal.forbid(text) }

// Alarms is what was in the log and must never be there.
func (s *Service) Alarms() []string { return s.journal.alarmed() }

// LogEnd is the end of the log, for people who look for what went wrong.
func (s *Service) LogEnd() string { return s.journal.end() }

func (s *Service) current() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child
}

// Environ writes settings as an environment.
func Environ(settings map[string]string) []string {
	list := make([]string, 0, len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		list = append(list, name+"="+settings[name])
	}
	return list
}
