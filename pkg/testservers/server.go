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
	// readyTimeout bounds how long a server may take until it answers, recovery after a crash included.
	readyTimeout = 2 * time.Minute
	// readyAttempt bounds a single look. On a lost race for the port, somebody else may be there who never says anything.
	readyAttempt = 5 * time.Second
	// readyInterval is the pause between two looks at a server that does not answer yet.
	readyInterval = 5 * time.Millisecond
	// stopTimeout is how long a server may take to end in good order. It is a safety limit, as readyTimeout is.
	stopTimeout = time.Minute
)

// program is what a server runs.
type program struct {
	name string
	path string
	args func(port int) []string
	// prepare, if set, writes what the program reads beside its arguments.
	prepare func(port int) error
	user    *account // nil: the user of this process

	stop    syscall.Signal // asks for an end in good order
	discard syscall.Signal // ends it at once, leaving nothing behind that is not in its directory

	// ready returns nil if it is this server, and no other on the same port, that answers.
	ready func(ctx context.Context, port, pid int) error
	// discarded, if set, removes what the server has left behind outside of its directory.
	discarded func() error
}

// server is what the servers of this package have in common: a program with a directory and a port that outlive its runs. All its
// methods are safe for concurrent use.
type server struct {
	program program
	dir     *directory

	mu      sync.Mutex
	port    int
	process *process // the current run or the last one, nil before the first
	closed  bool
}

// launch starts the server for the first time, on a port of its choice, and closes it if that fails.
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
	defer func() { _ = log.Close() }() // The server has its own descriptor.
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
		return errors.Join(err, s.process.stop(s.program.discard, stopTimeout))
	}
	return nil
}

func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
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
