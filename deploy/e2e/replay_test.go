package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReplayOfASuccess(t *testing.T) { onEachStack(t, replayOf(success, status(200))) }

func TestReplayOfAFailure(t *testing.T) { onEachStack(t, replayOf(failure, status(400))) }

func TestReplayOfARetryingDelivery(t *testing.T) {
	onEachStack(t, replayOf(retrying, status(503).with("Retry-After", "60")))
}

// replayOf replays a delivery whose receiver gives the answer, once it has the status.
func replayOf(reached string, by answer) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, by)
		retries := 0
		if reached == retrying {
			retries = 1
		}
		c.endpoint(t, url, retries)
		old := c.awaitStatus(t, c.publish(t).ID, reached)
		replayed(t, c, hook, old)
		c.awaitStatus(t, old.ID, reached)
	}
}

func TestReplayOfAnAttemptInFlight(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hold := newGate()
		hook, url := answering(t, status(200).behind(hold))
		c.endpoint(t, url, 0)
		old := c.publish(t)
		hook.await(t, old.ID, 1)
		replayed(t, c, hook, c.delivery(t, old.ID))
		hold.open()
		c.awaitStatus(t, old.ID, success)
	})
}

// replayed replays a delivery. It checks that a second record of the same event exists and that the first is unchanged.
func replayed(t *testing.T, c *client, hook *receiver, old delivery) {
	t.Helper()
	fresh := data[delivery](t, c.replay(t, old.ID))
	assert.NotEqual(t, old.ID, fresh.ID)
	assert.Equal(t, pending, fresh.Status)
	assert.Equal(t, 0, fresh.RetryCount)
	assert.Zero(t, fresh.ResponseStatus)
	assert.Equal(t, old.EndpointID, fresh.EndpointID)
	assert.Equal(t, string(old.RequestBody), string(fresh.RequestBody), "the same event")
	assert.False(t, fresh.CreatedAt.Before(old.CreatedAt))

	arrived := hook.await(t, fresh.ID, 1)
	assert.Equal(t, hook.await(t, old.ID, 1)[0].body, arrived[0].body)
	assert.Equal(t, fresh.ID, arrived[0].header.Get("webhook-id"), "new to the receiver")
	assert.Equal(t, old, c.delivery(t, old.ID), "the old one is left alone")
}

func TestReplayToADisabledEndpointIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(200))
		target := c.endpoint(t, url, 0)
		old := c.awaitStatus(t, c.publish(t).ID, success)
		c.disable(t, target.ID)
		c.replay(t, old.ID).refused(t, 400, "endpoint_disabled")
		assert.Len(t, data[page[delivery]](t, c.get(t, deliveries)).Items, 1)
		answer := c.call(t, request{method: http.MethodPost, path: deliveries + "/" + old.ID + "/replay", body: `{"x":1}`, wrong: true})
		answer.refused(t, 400, "unknown_field")
	})
}
