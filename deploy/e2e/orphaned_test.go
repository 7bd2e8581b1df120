//go:build !containers

package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// maxOrphans is how many attempts in a row may be lost with their dispatcher.
const maxOrphans = 5

// The dispatcher is killed during each attempt of a delivery, as often as a delivery is attempted again. The delivery then ends, is explained
// by it, and a retry delivers it. Each lost attempt is found by its lease, after more than 30 s.
func TestOrphanedAttemptsEndTheDelivery(t *testing.T) {
	t.Parallel()
	processes := stack.Processes(t, stack.Options{})
	c := newSuite(t, processes).organization(t)
	hook, hold := newReceiver(t), newGate()
	t.Cleanup(hold.open)
	c.endpoint(t, hook.on("/slow", status(200).behind(hold)), 3, "slow")
	id := c.of(t, "slow")
	for lost := 1; lost <= maxOrphans; lost++ {
		arrived := hook.await(t, id, lost)
		require.Len(t, arrived, lost)
		dispatcher := processes.Dispatchers()[0]
		require.NoError(t, dispatcher.Kill())
		require.NoError(t, dispatcher.Start(nil))
	}
	explained := c.awaitCode(t, id, "attempts_orphaned")
	assert.Contains(t, explained.Summary, "5")
	ended := c.awaitStatus(t, id, failure)
	assert.Contains(t, ended.ErrorMessage, "attempts_orphaned")
	assert.Empty(t, c.attempts(t, id), "no attempt has an outcome")
	assert.Len(t, hook.of(id), maxOrphans)

	hold.open()
	c.retry(t, id)
	c.awaitStatus(t, id, success)
	assert.Len(t, hook.of(id), maxOrphans+1)
}
