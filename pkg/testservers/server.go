package testservers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// safetyLimit bounds each thing that a server does: its start with the recovery after a crash, its stop, the creation of its data, a promotion,
	// and the creation and removal of a database. Each takes a few seconds at most, and a minute on a machine that is busy with other things.
	// Only what is broken takes longer.
	safetyLimit = 5 * time.Minute
	// readyAttempt bounds one check. If another process has taken the port, it may accept the connection and never reply.
	readyAttempt = 15 * time.Second
	// readyInterval is the pause between two checks of a server that does not reply yet.
	readyInterval = 5 * time.Millisecond
)

// program describes how a server is run.
type program struct {
	name string
	path string
	args func(port int) []string
	// prepare, if set, writes the files that the program reads.
	prepare func(port int) error
	user    *account // nil for the user of this process

	stop    syscall.Signal // signal for an orderly shutdown
	discard syscall.Signal // signal that ends the server at once and leaves no files outside its directory

	// ready returns nil if this server replies, and not another one on the same port.
	ready func(ctx context.Context, port, pid int) error
	// discarded, if set, removes what the server has left outside its directory.
	discarded func() error
}

// server is the common part of all servers: a program with a directory and a port that restarts do not change. Its methods are safe for
// concurrent use.
type server struct {
	program program
	dir     *directory

	mu      sync.Mutex
	port    int
	process *process // the current run or the last one; nil before the first
	closed  bool
}

// launch starts the server for the first time, on a port that it chooses. It closes the server if that fails.
func (s *server) launch(ctx context.Context) error {
	open.add(s)
	s.mu.Lock()
	err := s.startAnywhere(ctx)
	s.mu.Unlock()
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

func (s *server) startAnywhere(ctx context.Context) error {
	var err error
	for range portAttempts {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.start(ctx); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

func (s *server) start(ctx context.Context) (err error) {
	log, err := s.dir.openLog()
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", s.program.name, err)
	}
	defer func() { _ = log.Close() }() // the server has its own descriptor
	info, err := log.Stat()
	if err != nil {
		return fmt.Errorf("reading the size of the log of %s: %w", s.program.name, err)
	}

	if s.program.prepare != nil {
		if err := s.program.prepare(s.port); err != nil {
			return fmt.Errorf("preparing %s: %w", s.program.name, err)
		}
	}
	s.process, err = startProcess(command{
		path:       s.program.path,
		args:       s.program.args(s.port),
		dir:        s.dir.data(),
		output:     log,
		credential: s.program.user.credential(),
		orphaned:   s.program.discard,
	})
	if err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		tail := logTail(s.dir.log(), info.Size())
		if strings.Contains(strings.ToLower(tail), "address already in use") {
			err = errPortTaken
		}
		err = fmt.Errorf("starting %s on port %d: %w; the end of its log:\n%s", s.program.name, s.port, err, tail)
		return errors.Join(err, s.process.stop(s.program.discard, safetyLimit))
	}
	return nil
}

func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, safetyLimit)
	defer cancel()
	ticker := time.NewTicker(readyInterval)
	defer ticker.Stop()
	var last error
	for {
		if last = s.tryReady(ctx); last == nil {
			return nil
		}
		select {
		case <-s.process.done:
			return fmt.Errorf("it ended early (%w)", exitError(s.process.err))
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w (last: %w)", ctx.Err(), last)
		case <-ticker.C:
		}
	}
}

func (s *server) tryReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyAttempt)
	defer cancel()
	return s.program.ready(ctx, s.port, s.process.pid)
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
