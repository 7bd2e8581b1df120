//go:build !containers

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
	"redrive/pkg/testlog"
)

const (
	outOfResources = "process resources exhausted"
	circuitOpen    = "circuit opened"
)

// A dispatcher with few file descriptors delivers everything. Its shortage does not count against receivers: no attempt fails, no retry is
// used, no circuit opens, and the log has one line about it.
func TestDispatcherShortOfDescriptorsPutsOff(t *testing.T) {
	t.Parallel()
	log := new(journal)
	s := newSuite(t, stack.Processes(t, shortStack(log, 64)))
	short := newGate()
	var hooks []*receiver
	var urls []string
	for range shortEndpoints {
		hook, url := answering(t, status(200).behind(short))
		hooks, urls = append(hooks, hook), append(urls, url)
	}
	s.deliversInSpite(t, log, short, urls, func(i int) *receiver { return hooks[i] })
}

const (
	shortEndpoints = 8
	shortEvents    = 30 // for each endpoint
)

// shortStack has a dispatcher that may have more attempts in flight than it has resources for.
func shortStack(log *journal, descriptors int) stack.Options {
	return stack.Options{
		Descriptors: descriptors, DispatcherLog: log, DeliveryTimeout: patience,
		Settings: map[string]string{"DISPATCHER_CONCURRENCY": "200", "API_RATE_LIMIT": "0"},
	}
}

// deliversInSpite publishes events for endpoints whose receivers hold the requests at a gate. It opens the gate when the dispatcher has run
// out of a resource, and then expects one successful attempt for each delivery.
func (s *suite) deliversInSpite(t *testing.T, log *journal, short *gate, urls []string, hook func(endpoint int) *receiver) {
	t.Helper()
	c := s.organization(t)
	for i, url := range urls {
		c.endpoint(t, url, 3, fmt.Sprint("event.", i))
	}
	var published []string
	for range shortEvents {
		for i := range urls {
			made := c.publishEvent(t, fmt.Sprintf(`{"eventType":"event.%d","data":{}}`, i)).Deliveries
			require.Len(t, made, 1)
			published = append(published, made[0].ID)
		}
	}
	eventually(t, "the dispatcher has run out of a resource", func() bool { return log.Count(outOfResources) > 0 })
	short.open()

	deadline := time.Now().Add(3 * patience)
	for _, id := range published {
		for c.delivery(t, id).Status != success {
			require.True(t, time.Now().Before(deadline), "delivery %s is %+v\n%s", id, c.delivery(t, id), log)
			time.Sleep(100 * time.Millisecond)
		}
	}
	for i, id := range published {
		assert.Zero(t, c.delivery(t, id).RetryCount, id)
		attempts := c.attempts(t, id)
		assert.Len(t, attempts, 1, id)
		assert.Equal(t, success, attempts[0].Outcome, id)
		assert.Len(t, hook(i%len(urls)).of(id), 1, id)
	}
	code, breakers := s.visit(t, fleet(t, s).Dispatchers()[0].OpsURL()+"/breakers", "", "")
	assert.Equal(t, http.StatusOK, code)
	assert.JSONEq(t, `{"breakers":[],"hasMore":false}`, breakers)
	assert.Zero(t, log.Count(circuitOpen))
	assert.Equal(t, 1, log.Count(outOfResources), "%s", log)
	assert.LessOrEqual(t, log.complaints(), 20, "%s", log)
}

// journal is a JSON log. Its text has only the warnings and errors.
type journal struct{ testlog.Buffer }

// complaints counts the warnings and errors.
func (j *journal) complaints() int { return j.Count(`"level":"WARN"`) + j.Count(`"level":"ERROR"`) }

// String returns the warnings and errors.
func (j *journal) String() string {
	var said strings.Builder
	for line := range strings.Lines(j.Buffer.String()) {
		if !strings.Contains(line, `"level":"INFO"`) {
			said.WriteString(line)
		}
	}
	return said.String()
}
