package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"redrive/deploy/stack"
	"redrive/pkg/testservers"
)

// sharedStack is started by the first story that needs it, and stopped when all tests have ended.
type sharedStack struct {
	start   newStack
	options stack.Options
	turn    sync.Mutex // of stories that cannot run at the same time

	once  sync.Once
	suite *suite // nil if it could not be started
	tb    *lasting
}

func (s *sharedStack) get(t *testing.T) *suite {
	t.Helper()
	s.once.Do(func() {
		s.tb = &lasting{TB: t}
		s.suite = newSuite(s.tb, s.start(s.tb, s.options))
		s.tb.started.Store(true)
	})
	if s.suite == nil {
		t.Fatal("the stack could not be started: see the first test that failed")
	}
	return s.suite
}

// stop stops the stack. It reports whether the stack stopped without an error.
func (s *sharedStack) stop(testsFailed bool) bool {
	if s == nil || s.tb == nil {
		return true
	}
	s.tb.testsFailed = testsFailed
	for _, cleanup := range slices.Backward(s.tb.cleanups) {
		cleanup()
	}
	return !s.tb.failed.Load()
}

// lasting is the testing.TB of a stack that outlives the test that starts it. Cleanup functions run in stop, and messages go to
// standard error once the stack has started.
type lasting struct {
	testing.TB
	started     atomic.Bool
	failed      atomic.Bool
	testsFailed bool
	cleanups    []func()
}

func (l *lasting) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }

func (l *lasting) Context() context.Context { return context.Background() }

func (l *lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "redrive-e2e-")
	if err != nil {
		l.Fatalf("make a folder: %v", err)
	}
	l.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			l.Errorf("remove a folder: %v", err)
		}
	})
	return dir
}

func (l *lasting) Failed() bool { return l.testsFailed || l.failed.Load() }

func (l *lasting) Helper() {}

func (l *lasting) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (l *lasting) Errorf(format string, args ...any) {
	l.failed.Store(true)
	if !l.started.Load() {
		l.TB.Errorf(format, args...)
		return
	}
	l.Logf(format, args...)
}

// ending runs the tests and then stops the shared stacks.
type ending struct{ tests testservers.Runner }

func (e ending) Run() int {
	code := e.tests.Run()
	for _, k := range kinds {
		for _, s := range []*sharedStack{k.regular, k.guarded, k.fragile} {
			if !s.stop(code != 0) {
				code = max(code, 1)
			}
		}
	}
	return code
}
