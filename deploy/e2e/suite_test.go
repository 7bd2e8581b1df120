package e2e

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// patience is the longest time that a test waits for an event. It is a safety limit: no verdict depends on it.
const patience = 2 * time.Minute

// suite is a stack and the parts that its stories share.
type suite struct {
	stack         stack.Stack
	contract      *contract
	http          *http.Client
	organizations atomic.Int64
}

func newSuite(tb testing.TB, started stack.Stack) *suite {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(transport.CloseIdleConnections)
	s := &suite{stack: started, http: &http.Client{Transport: transport, Timeout: patience}}
	s.contract = fetchContract(tb, s.http, started.URL())
	return s
}

// organization returns a new organization, with a key that may write.
func (s *suite) organization(t *testing.T) *client {
	t.Helper()
	name := fmt.Sprintf("org-%d", s.organizations.Add(1))
	return s.client(name, s.stack.NewKey(t, name, stack.ReadWrite))
}

func (s *suite) client(organization, key string) *client {
	return &client{suite: s, organization: organization, key: key}
}

// fleet returns the stack's services. It skips the test if the stack has no services that can be stopped one by one.
func fleet(t *testing.T, s *suite) stack.Fleet {
	t.Helper()
	f, ok := s.stack.(stack.Fleet)
	if !ok {
		t.Skip("this stack is one process: its services cannot be stopped one by one")
	}
	return f
}

func redisOf(t *testing.T, s *suite) stack.RedisOwner {
	t.Helper()
	owner, ok := s.stack.(stack.RedisOwner)
	if !ok {
		t.Skip("this stack has no Redis server that could be stopped")
	}
	return owner
}

func inspectable(t *testing.T, s *suite) stack.Inspectable {
	t.Helper()
	i, ok := s.stack.(stack.Inspectable)
	if !ok {
		t.Skip("this stack does not show its queue")
	}
	return i
}

// eventually polls for a condition that gives no signal, and fails the test after patience.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			require.FailNow(t, what, "not after %s", patience)
		case <-ticker.C:
		}
	}
}
