//go:build !containers

package e2e

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// TestEmbeddedKilledLosesNothing kills the one process several times while it publishes and sends. Its queue is in memory and is lost each
// time. Every delivery whose event was answered with 200 must arrive.
func TestEmbeddedKilledLosesNothing(t *testing.T) {
	t.Parallel()
	started := stack.Embedded(t, stack.Options{})
	c := newSuite(t, started).organization(t)
	hook, url := answering(t, status(500), status(200))
	c.endpoint(t, url, 3)

	var accepted []string
	for round := range 4 {
		ids := c.publishUntilKilled(t, started.Process(), hook, (round+1)*15)
		accepted = append(accepted, ids...)
		require.NoError(t, started.Process().Start(nil))
	}
	require.Greater(t, len(accepted), 40)

	for _, id := range accepted {
		c.awaitStatus(t, id, success)
		attempts := c.attempts(t, id)
		arrived := hook.of(id)
		assert.GreaterOrEqual(t, len(arrived), len(attempts), "what is on record was sent")
		assert.LessOrEqual(t, len(arrived), len(attempts)+4, "and at most once more for each kill")
	}
}

// publishUntilKilled publishes from several connections. It kills the process when the receiver has got the given number of further
// requests, and returns the deliveries that were accepted until then.
func (c *client) publishUntilKilled(t *testing.T, process *stack.Service, hook *receiver, requests int) (accepted []string) {
	t.Helper()
	const publishers, limit = 4, 500
	before := len(hook.all())
	var mu sync.Mutex
	var group sync.WaitGroup
	for range publishers {
		group.Go(func() {
			for range limit {
				answer, err := c.try(request{method: http.MethodPost, path: base + "/events", body: `{"eventType":"run.finished","data":{}}`})
				if err != nil {
					return // killed
				}
				if answer.status == http.StatusServiceUnavailable {
					continue // the database of a busy machine took too long, and the event was not accepted
				}
				made, err := read[published](answer)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				accepted = append(accepted, made.Deliveries[0].ID)
				mu.Unlock()
			}
		})
	}
	eventually(t, "the receiver is sent requests", func() bool { return len(hook.all()) >= before+requests })
	assert.NoError(t, process.Kill())
	group.Wait()
	return accepted
}
