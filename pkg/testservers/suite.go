package testservers

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Runner is what runs the tests of a package: *testing.M is one.
type Runner interface {
	// Run runs the tests and returns the exit code.
	Run() int
}

// Main runs the tests of a package, ends the servers they have left running and returns the code to exit with.
func Main(m Runner) int {
	return Suite(m).Run()
}

// Suite wraps m so that the servers end together with the tests. Unlike [Main] it can be given to goleak.VerifyTestMain, which
// looks for leaked goroutines right after Run.
func Suite(m Runner) Runner {
	return suite{tests: m}
}

type suite struct{ tests Runner }

func (s suite) Run() int {
	code := s.tests.Run()
	if err := Shutdown(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	return code
}

// Shutdown closes every server that this process has started and not closed yet. It is safe to call at any time and more than
// once; servers can be started again afterwards.
func Shutdown() error {
	shared.forget()
	return open.closeAll()
}

// open holds the servers that are not closed yet.
var open registry

type registry struct {
	mu      sync.Mutex
	servers map[*server]struct{}
}

func (r *registry) add(s *server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.servers == nil {
		r.servers = make(map[*server]struct{})
	}
	r.servers[s] = struct{}{}
}

func (r *registry) remove(s *server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.servers, s)
}

func (r *registry) closeAll() error {
	r.mu.Lock()
	servers := make([]*server, 0, len(r.servers))
	for s := range r.servers {
		servers = append(servers, s)
	}
	r.mu.Unlock()

	// Outside of the lock, because Close takes the server off this list.
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
