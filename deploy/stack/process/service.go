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
	// startLimit bounds the time from the start of a process to the message that reports it.
	startLimit = 2 * time.Minute
	// killLimit bounds the time until a killed process has ended.
	killLimit = time.Minute
)

// Options of a Service.
type Options struct {
	// Name is the service's name in errors.
	Name string
	// Program is the path of its binary, and Args are its arguments. Program is required.
	Program string
	Args    []string
	// Settings are its whole environment.
	Settings map[string]string
	// StopLimit bounds the time of a stop after SIGTERM.
	StopLimit time.Duration
	// Ready are the log messages that report the start. Defaults to those of the services.
	Ready []string
	// Log gets a copy of the service's output. Defaults to none.
	Log io.Writer
}

// Service is one process at a time. Its addresses, once bound, stay the same over restarts. All its methods are safe for concurrent use.
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

// Start starts a service that is not running, and returns when it has started. The given settings replace its own for this run.
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

// Started reports whether the service was ever started.
func (s *Service) Started() bool { return s.current() != nil }

// Running reports whether the process exists, frozen or not.
func (s *Service) Running() bool {
	child := s.current()
	return child != nil && child.running()
}

// Terminate sends SIGTERM and does not wait for the end.
func (s *Service) Terminate() error { return s.current().signal(syscall.SIGTERM) }

// Freeze suspends the process. Its connections stay open without an answer.
func (s *Service) Freeze() error { return s.current().signal(syscall.SIGSTOP) }

// Thaw resumes a frozen process.
func (s *Service) Thaw() error { return s.current().signal(syscall.SIGCONT) }

// Wait waits until the service has ended and returns its exit code, -1 if a signal ended it. After StopLimit it kills the service and
// returns an error.
func (s *Service) Wait() (code int, err error) {
	child := s.current()
	if child.wait(s.options.StopLimit) {
		return child.state.ExitCode(), nil
	}
	err = fmt.Errorf("%s has not ended after %s and was killed; the end of its log:\n%s", s.options.Name, s.options.StopLimit, s.journal.end())
	return -1, errors.Join(err, s.Kill())
}

// Stop sends SIGTERM and waits for the end. It returns an error if the service did not exit with 0 in time. A service that is not running
// is no error.
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

// Kill sends SIGKILL and returns when the process has ended.
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

// Name returns the service's name in errors.
func (s *Service) Name() string { return s.options.Name }

// PID returns the process ID of the current run, or of the last one.
func (s *Service) PID() int { return s.current().process.Pid }

// URL returns the base URL of its API, if it has one.
func (s *Service) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.API
}

// OpsURL returns the base URL of health and metrics.
func (s *Service) OpsURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.bound.Ops
}

// Forbid adds a text that the log may not contain from now on.
func (s *Service) Forbid(text string) { s.journal.forbid(text) }

// Alarms returns the lines that must not be in the log.
func (s *Service) Alarms() []string { return s.journal.alarmed() }

// LogEnd returns the end of the log, for debugging.
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
