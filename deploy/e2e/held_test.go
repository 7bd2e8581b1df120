package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

func (c *client) pause(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.post(t, base+"/"+endpointID+"/pause", ""))
}

func (c *client) resume(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.post(t, base+"/"+endpointID+"/resume", ""))
}

func (c *client) deleteEndpoint(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.call(t, request{method: http.MethodDelete, path: base + "/" + endpointID}))
}

// test sends a test delivery, again if the endpoint was tested less than a second ago.
func (c *client) test(t *testing.T, endpointID, body string) delivery {
	t.Helper()
	var answer reply
	eventually(t, "the endpoint takes a test", func() bool {
		answer = c.post(t, base+"/"+endpointID+"/test", body)
		if answer.status == http.StatusTooManyRequests {
			assert.Equal(t, "1", answer.header.Get("Retry-After"))
		}
		return answer.status != http.StatusTooManyRequests
	})
	return data[delivery](t, answer)
}

// publishMany publishes a batch of events with one delivery each and returns their IDs.
func (c *client) publishMany(t *testing.T, count int) []string {
	t.Helper()
	events := strings.TrimSuffix(strings.Repeat(`{"eventType":"run.finished","data":{}},`, count), ",")
	answer := data[struct{ Results []published }](t, c.post(t, base+"/events/batch", `{"events":[`+events+`]}`))
	require.Len(t, answer.Results, count)
	ids := make([]string, count)
	for i, made := range answer.Results {
		require.Len(t, made.Deliveries, 1)
		ids[i] = made.Deliveries[0].ID
	}
	return ids
}

func TestPauseHoldsUntilResume(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		e := c.endpoint(t, url, 3)
		before := c.publish(t)
		hook.await(t, before.ID, 1)

		paused := c.pause(t, e.ID)
		assert.NotEmpty(t, paused.PausedAt)
		assert.Equal(t, "active", paused.Status)
		assert.Equal(t, paused.PausedAt, c.pause(t, e.ID).PausedAt, "since the first time")
		sent := len(hook.of(before.ID))
		ids := c.publishMany(t, 300)
		c.test(t, e.ID, "") // dispatchers are at work, and another second has passed
		c.test(t, e.ID, "")
		for _, id := range ids {
			assert.Empty(t, hook.of(id))
		}
		assert.Len(t, hook.of(before.ID), sent, "not even a retry that is due")
		held := c.delivery(t, ids[0])
		assert.Equal(t, pending, held.Status)
		assert.Zero(t, held.RetryCount)

		resumed := time.Now()
		assert.Empty(t, c.resume(t, e.ID).PausedAt)
		for _, id := range ids {
			for _, a := range hook.await(t, id, 2) {
				assert.True(t, a.at.After(resumed))
			}
		}
		assert.Equal(t, 1, c.awaitStatus(t, before.ID, success).RetryCount, "the pause used up no retry")
		assert.Equal(t, 1, c.awaitStatus(t, ids[0], success).RetryCount)
	})
}

func TestPausedOnCreate(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		made := data[endpointSecret](t, c.post(t, base, fmt.Sprintf(`{"name":"n","url":%q,"paused":true}`, url))).Endpoint
		assert.NotEmpty(t, made.PausedAt)
		event := c.publish(t)
		c.test(t, made.ID, "")
		assert.Empty(t, hook.of(event.ID))
		c.resume(t, made.ID)
		hook.await(t, event.ID, 1)
	})
}

func TestDisabledTakesPrecedenceOverPaused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		e := c.endpoint(t, url, 0)
		c.pause(t, e.ID)
		event := c.publish(t)
		c.disable(t, e.ID)
		assert.Regexp(t, "^endpoint_disabled", c.awaitStatus(t, event.ID, failure).ErrorMessage)
		c.retry(t, event.ID).refused(t, 400, "endpoint_disabled")
		assert.NotEmpty(t, c.enable(t, e.ID).PausedAt)
		assert.Equal(t, pending, data[delivery](t, c.retry(t, event.ID)).Status, "a paused endpoint takes retries")
		assert.Equal(t, pending, data[delivery](t, c.replay(t, event.ID)).Status)
		assert.Empty(t, hook.of(event.ID))
		c.resume(t, e.ID)
		hook.await(t, event.ID, 1)
	})
}

// Redis loses everything while the endpoint is paused, and is unavailable when it is resumed.
func TestPauseSurvivesRestartAndEmptiedRedis(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher, redis := fleet(t, s).Dispatchers()[0], redisOf(t, s).Redis()
		c := s.organization(t)
		hook, url := answering(t, status(200))
		e := c.endpoint(t, url, 0)
		c.pause(t, e.ID)
		ids := c.publishMany(t, 100)
		require.NoError(t, dispatcher.Stop())
		require.NoError(t, redis.Kill())
		require.NoError(t, redis.Restart(context.Background()))
		require.NoError(t, dispatcher.Start(nil))
		c.test(t, e.ID, "")
		for _, id := range ids {
			assert.Empty(t, hook.of(id))
		}

		require.NoError(t, redis.Stop())
		resumed := c.resume(t, e.ID)
		assert.Empty(t, resumed.PausedAt)
		require.NoError(t, redis.Restart(context.Background()))
		for _, id := range ids {
			hook.await(t, id, 1)
		}
	})
}

func TestDeleteNoAttemptAfterAnswer(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		e := c.endpoint(t, url, 0)
		ids := c.publishMany(t, 1000)
		hook.await(t, ids[0], 1)

		asked := time.Now()
		deleted := c.deleteEndpoint(t, e.ID)
		answered := time.Now()
		assert.NotEmpty(t, deleted.DeletedAt)
		t.Logf("answered after %s", answered.Sub(asked))
		c.call(t, request{method: http.MethodGet, path: base + "/" + e.ID}).refused(t, 404, "endpoint_not_found")
		c.call(t, request{method: http.MethodDelete, path: base + "/" + e.ID}).refused(t, 404, "endpoint_not_found")
		c.post(t, base+"/"+e.ID+"/resume", "").refused(t, 404, "endpoint_not_found")
		c.post(t, base+"/"+e.ID+"/test", "").refused(t, 404, "endpoint_not_found")
		assert.Empty(t, data[page[endpoint]](t, c.get(t, base)).Items)
		eventually(t, "a new event makes no delivery", func() bool {
			return len(c.publishEvent(t, `{"eventType":"run.finished","data":{}}`).Deliveries) == 0
		})

		ended := 0
		for _, id := range ids {
			eventually(t, "the delivery ends", func() bool { return c.delivery(t, id).Status != pending })
			one := c.delivery(t, id)
			if one.Status != failure {
				continue
			}
			ended++
			assert.Regexp(t, "^endpoint_deleted", one.ErrorMessage)
			if ended == 1 {
				c.retry(t, id).refused(t, 400, "endpoint_deleted")
				c.replay(t, id).refused(t, 400, "endpoint_deleted")
			}
		}
		t.Logf("%d of %d ended without an attempt", ended, len(ids))
		for _, a := range hook.all() {
			assert.False(t, a.at.After(answered), "a POST came %s after the answer", a.at.Sub(answered))
		}
	})
}

func TestTestDelivery(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		e := c.endpoint(t, url, 5, "another.type")
		check := func(made delivery, eventType string) {
			t.Helper()
			assert.Equal(t, success, made.Status)
			assert.Equal(t, eventType, made.EventType)
			assert.Equal(t, 200, made.ResponseStatus)
			assert.Zero(t, made.MaxRetries)
			require.Len(t, hook.of(made.ID), 1)
			assert.Equal(t, "true", hook.of(made.ID)[0].header.Get("Webhook-Test"))
		}
		check(c.test(t, e.ID, ""), "redrive.test")
		check(c.test(t, e.ID, `{"eventType":"run.finished","data":{"n":1.50}}`), "run.finished")
		c.pause(t, e.ID)
		check(c.test(t, e.ID, ""), "redrive.test")
		c.disable(t, e.ID)
		check(c.test(t, e.ID, ""), "redrive.test")
		c.enable(t, e.ID)

		for _, body := range []string{`{"eventType":"redrive.endpoint.disabled"}`, `{"eventType":"redrive.other"}`} {
			c.post(t, base+"/"+e.ID+"/test", body).refused(t, 400, "reserved_event_type")
		}
		c.post(t, base+"/events", `{"eventType":"redrive.test","data":{}}`).refused(t, 400, "reserved_event_type")
	})
}

// Whatever a receiver answers to a test, it is not retried, and the endpoint stays as it is.
func TestTestDeliveryFailsOnce(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(410))
		e := c.endpoint(t, url, 5)
		made := c.test(t, e.ID, "")
		assert.Equal(t, failure, made.Status)
		assert.Equal(t, 410, made.ResponseStatus)
		assert.Equal(t, "active", c.find(t, e.ID).Status, "a 410 to a test disables nothing")
		hook.on("/hook", status(200))
		event := c.publish(t)
		hook.await(t, event.ID, 1)
		assert.Empty(t, hook.of(event.ID)[0].header.Get("Webhook-Test"))
		assert.Len(t, hook.of(made.ID), 1)
		assert.Equal(t, success, c.awaitStatus(t, data[delivery](t, c.replay(t, made.ID)).ID, success).Status)
	})
}

func TestDeletedOrganizationHoldsUntilRestored(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c, neighbour := s.organization(t), s.organization(t)
		platform := s.client(c.organization, s.stack.NewKey(t, "", stack.Platform))
		path := "/v1/organizations/" + c.organization
		hook, url := answering(t, status(500), status(200))
		e := c.endpoint(t, url, 3)
		retried := c.publish(t)
		hook.await(t, retried.ID, 1)
		ids := c.publishMany(t, 1000)
		hook.await(t, ids[0], 1)

		answer := platform.call(t, request{method: http.MethodDelete, path: path + "?confirm=" + c.organization})
		answered := time.Now()
		assert.NotEmpty(t, data[struct{ DeletedAt string }](t, answer).DeletedAt)
		eventually(t, "its key is refused", func() bool { return c.get(t, base).status == http.StatusUnauthorized })
		c.post(t, base+"/"+e.ID+"/test", "").refused(t, 401, "unauthenticated")
		other, otherURL := answering(t, status(200))
		healthy := neighbour.endpoint(t, otherURL, 0)
		other.await(t, neighbour.publish(t).ID, 1)
		neighbour.test(t, healthy.ID, "") // dispatchers are at work, and retries are overdue
		neighbour.test(t, healthy.ID, "")
		for _, a := range hook.all() {
			assert.False(t, a.at.After(answered), "a POST came %s after the answer", a.at.Sub(answered))
		}

		restored := data[struct{ DeletedAt string }](t, platform.call(t, request{method: http.MethodPut, path: path, body: "{}"}))
		assert.Empty(t, restored.DeletedAt)
		eventually(t, "its key is accepted", func() bool { return c.get(t, base).status == http.StatusOK })
		for _, id := range append(ids, retried.ID) {
			assert.Equal(t, 1, c.awaitStatus(t, id, success).RetryCount, "the deletion used up no retry")
		}
	})
}
