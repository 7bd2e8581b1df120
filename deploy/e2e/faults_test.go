package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRedisOutageDelaysAndLosesNothing(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		redis := redisOf(t, s).Redis()
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		c.endpoint(t, url, 0)
		failed := c.failed(t)

		require.NoError(t, redis.Stop())
		retried := c.retry(t, failed.ID)
		assert.Equal(t, pending, data[delivery](t, retried).Status)
		event := c.post(t, base+"/events", `{"eventType":"run.finished","data":{}}`)
		made := data[published](t, event).Deliveries
		require.Len(t, made, 1)
		c.retry(t, failed.ID).refused(t, 400, "delivery_not_failed")
		assert.Len(t, hook.all(), 1)
		eventually(t, "the API takes requests all the same", func() bool {
			code, ready := s.visit(t, s.stack.OpsURLs()[0]+"/readyz", "", "")
			return code == http.StatusOK && strings.Contains(ready, `"redis":"failed"`)
		})

		require.NoError(t, redis.Restart(context.Background()))
		hook.await(t, failed.ID, 2)
		hook.await(t, made[0].ID, 1)
		c.awaitStatus(t, failed.ID, success)
		c.awaitStatus(t, made[0].ID, failure)
		assert.Len(t, hook.all(), 3, "each was sent once")
	})
}

func TestDispatcherStopFinishesItsAttempts(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher := fleet(t, s).Dispatchers()[0]
		c := s.organization(t)
		hold := newGate()
		hook, url := answering(t, status(200).behind(hold))
		c.endpoint(t, url, 0)
		made := c.publish(t)
		hook.await(t, made.ID, 1)

		require.NoError(t, dispatcher.Terminate())
		eventually(t, "the dispatcher says that it stops", func() bool {
			_, said := s.visit(t, dispatcher.OpsURL()+"/readyz", "", "")
			return strings.Contains(said, "draining")
		})
		hold.open()
		code, err := dispatcher.Wait()
		require.NoError(t, err)
		assert.Equal(t, 0, code)
		assert.Equal(t, success, c.delivery(t, made.ID).Status)

		require.NoError(t, dispatcher.Start(nil))
		after := c.publish(t)
		hook.await(t, after.ID, 1)
		assert.Len(t, hook.of(made.ID), 1)
		assert.Len(t, c.attempts(t, made.ID), 1)
	})
}

// Redis stops with the dispatcher, so that only the database has the delivery. (If Redis continues, asynq's recoverer finds the task after
// one to two minutes.)
func TestDispatcherAndRedisCrashRepeatsTheAttempt(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher, redis := fleet(t, s).Dispatchers()[0], redisOf(t, s).Redis()
		c := s.organization(t)
		hook, url := answering(t, status(200).behind(newGate()), status(200))
		c.endpoint(t, url, 0)
		made := c.publish(t)
		hook.await(t, made.ID, 1)

		require.NoError(t, dispatcher.Kill())
		require.NoError(t, redis.Kill())
		require.NoError(t, redis.Restart(context.Background()))
		require.NoError(t, dispatcher.Start(nil))
		arrived := hook.await(t, made.ID, 2)
		done := c.awaitStatus(t, made.ID, success)
		assert.Equal(t, 0, done.RetryCount)
		assert.Equal(t, arrived[0].body, arrived[1].body)
		assert.Len(t, c.attempts(t, made.ID), 1, "the one that died has left no trace but at the receiver")
	})
}

func TestDispatcherStartDeliversWhatWaited(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher := fleet(t, s).Dispatchers()[0]
		c := s.organization(t)
		hook, url := answering(t, status(200))
		disabled := c.endpoint(t, url, 0, "one")
		c.endpoint(t, url, 0, "two")
		require.NoError(t, dispatcher.Stop())

		one := c.publishEvent(t, `{"eventType":"one","data":{}}`).Deliveries[0]
		two := c.publishEvent(t, `{"eventType":"two","data":{}}`).Deliveries[0]
		assert.Equal(t, asynq.TaskStatePending, inspect(t, s, two.ID))
		c.disable(t, disabled.ID)
		assert.Equal(t, pending, c.delivery(t, one.ID).Status)

		require.NoError(t, dispatcher.Start(nil))
		hook.await(t, two.ID, 1)
		ended := c.awaitStatus(t, one.ID, failure)
		assert.Regexp(t, `^endpoint_disabled`, ended.ErrorMessage)
		assert.Empty(t, c.attempts(t, one.ID), "it was not sent")
		eventually(t, "its task is gone", func() bool { return !hasTask(t, s, one.ID) })
		assert.Empty(t, hook.of(one.ID))
	})
}

func TestAPICrashKeepsWhatItAccepted(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		api, dispatcher := fleet(t, s).API(), fleet(t, s).Dispatchers()[0]
		c := s.organization(t)
		hook, url := answering(t, status(200))
		c.endpoint(t, url, 0)
		require.NoError(t, dispatcher.Stop())
		made := c.publish(t)
		require.NoError(t, api.Kill())
		require.NoError(t, api.Start(nil))
		kept := c.delivery(t, made.ID)
		assert.Equal(t, made, publishedDelivery{ID: kept.ID, EndpointID: kept.EndpointID})
		require.NoError(t, dispatcher.Start(nil))
		hook.await(t, made.ID, 1)
		c.awaitStatus(t, made.ID, success)
	})
}

func TestGuardChecksAgainWhenSending(t *testing.T) {
	onFragileStack(t, func(t *testing.T, s *suite) {
		dispatcher := fleet(t, s).Dispatchers()[0]
		c := s.organization(t)
		hook, url := answering(t, status(200))
		c.endpoint(t, url, 0)
		require.NoError(t, dispatcher.Stop())
		require.NoError(t, dispatcher.Start(map[string]string{"EGRESS_ALLOW": ""}))
		failed := c.failed(t)
		assert.Regexp(t, `^not sent: `, failed.ErrorMessage)
		assert.NotContains(t, failed.ErrorMessage, "127.0.0.1", "what a name resolves to in here is not told")
		assert.Empty(t, hook.all())

		require.NoError(t, dispatcher.Stop())
		require.NoError(t, dispatcher.Start(nil))
		data[delivery](t, c.retry(t, failed.ID))
		hook.await(t, failed.ID, 1)
		c.awaitStatus(t, failed.ID, success)
	})
}
