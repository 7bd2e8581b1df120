//go:build !containers

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// One of two dispatchers dies during an attempt. The other one reports, and the state of the attempt is unknown until it is repeated.
func TestExplainOneOfTwoDispatchersDies(t *testing.T) {
	t.Parallel()
	processes := stack.Processes(t, stack.Options{Dispatchers: 2})
	s := newSuite(t, processes)
	c := s.organization(t)
	hook, hold := newReceiver(t), newGate()
	c.endpoint(t, hook.on("/slow", status(200).behind(hold), status(200)), 0, "slow")
	id := c.of(t, "slow")
	hook.await(t, id, 1)
	sending := c.awaitCode(t, id, "sending")
	assert.Equal(t, 1, *sending.Endpoint.InFlight)
	assert.Greater(t, *sending.Endpoint.InFlightLimit, 50, "the sum of two dispatchers")

	sender := slices.IndexFunc(processes.Dispatchers(), func(d *stack.Service) bool {
		_, metrics := s.visit(t, d.OpsURL()+"/metrics", "", "")
		return strings.Contains(metrics, "\nredrive_bulkhead_inflight 1\n")
	})
	require.GreaterOrEqual(t, sender, 0)
	require.NoError(t, processes.Dispatchers()[sender].Kill())
	lost := c.awaitCode(t, id, "unknown")
	assert.Equal(t, "active", lost.Queue.State)
	assert.Equal(t, "closed", lost.Endpoint.Circuit, "of the dispatcher that runs")
	c.awaitCode(t, id, "delivered")
	require.NoError(t, processes.Dispatchers()[sender].Start(nil))
}
