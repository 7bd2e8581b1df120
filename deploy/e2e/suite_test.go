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

// patience is how long a test waits for what must happen: long, since it only ever passes when something is broken.
const patience = 2 * time.Minute

// suite is a stack with what its stories share.
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

// organization is a new one, with a key that may write.
func (s *suite) organization(t *testing.T) *client {
	t.Helper()
	name := fmt.Sprintf("org-%d", s.organizations.Add(1))
	return s.client(name, s.stack.NewKey(t, name, stack.ReadWrite))
}

func (s *suite) client(organization, key string) *client {
	return &client{suite: s, organization: organization, key: key}
}

// fleet is the stack's services, or the end of the test if it has none that could be stopped one by one.
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

// eventually looks again and again for something that gives no signal, and fails the test when patience has run out.
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
