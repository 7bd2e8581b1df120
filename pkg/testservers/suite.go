package testservers

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// Runner runs the tests of a package. *testing.M implements it.
type Runner interface {
	// Run runs the tests and returns the exit code.
	Run() int
}

// Main runs the tests of a package, closes the servers that are still running and returns the exit code.
func Main(m Runner) int {
	return Suite(m).Run()
}

// Suite wraps m so that the servers are closed after the tests. Unlike [Main], it can be passed to goleak.VerifyTestMain, which looks for
// leaked goroutines right after Run.
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

// Shutdown drops the databases of templates and closes every server that this process has started and not closed. It may be called at any time and more than once. Servers can
// be started again afterwards.
func Shutdown() error {
	err := prepared.dropAll()
	shared.forget()
	return errors.Join(err, open.closeAll())
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

	// The lock is not held, because Close removes the server from this list.
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
