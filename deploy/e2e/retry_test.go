package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The core of the product: the manual retry of a failed delivery.
func TestRetrySendsTheSameRecord(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(502), status(200))
		target := c.endpoint(t, url, 1)
		made := c.publishEvent(t, `{"eventType":"run.finished","data":{"n":1},"workflowId":"w","runId":"r","executionId":"x"}`)
		require.Len(t, made.Deliveries, 1)
		first := made.Deliveries[0]
		assert.Equal(t, target.ID, first.EndpointID)

		hook.await(t, first.ID, 2)
		failed := c.awaitStatus(t, first.ID, failure)
		assert.Equal(t, target.ID, failed.EndpointID)
		assert.Equal(t, []string{"w", "r", "x"}, []string{failed.WorkflowID, failed.RunID, failed.ExecutionID})
		assert.Equal(t, 1, failed.RetryCount)
		assert.Equal(t, 502, failed.ResponseStatus)
		assert.Equal(t, "Bad Gateway", failed.ResponseBody)
		assert.NotEmpty(t, failed.ErrorMessage)
		assert.Zero(t, failed.NextRetryAt)
		require.NotNil(t, failed.DurationMs)

		before := time.Now()
		retried := data[delivery](t, c.retry(t, first.ID))
		assert.Equal(t, first.ID, retried.ID)
		assert.Equal(t, pending, retried.Status)
		assert.Equal(t, 0, retried.RetryCount)
		assert.WithinRange(t, retried.NextRetryAt, before.Add(-time.Second), time.Now().Add(time.Second))
		assert.Equal(t, failed.CreatedAt, retried.CreatedAt)
		assert.Equal(t, failed.ResponseStatus, retried.ResponseStatus, "the last attempt's answer stays")
		assert.Equal(t, failed.ResponseBody, retried.ResponseBody)
		assert.Equal(t, failed.ResponseHeaders, retried.ResponseHeaders)
		assert.Equal(t, failed.RequestHeaders, retried.RequestHeaders)
		assert.Equal(t, failed.DurationMs, retried.DurationMs)
		assert.Equal(t, failed.ErrorMessage, retried.ErrorMessage)

		arrived := hook.await(t, first.ID, 3)
		done := c.awaitStatus(t, first.ID, success)
		assert.Equal(t, 0, done.RetryCount)
		assert.Equal(t, 200, done.ResponseStatus)
		assert.Empty(t, done.ErrorMessage)
		assert.Zero(t, done.NextRetryAt)
		assert.Len(t, hook.all(), 3)
		for _, a := range arrived {
			assert.Equal(t, arrived[0].body, a.body, "the same bytes every time")
			assert.JSONEq(t, string(done.RequestBody), string(a.body))
		}

		var numbers, statuses []int
		for _, a := range c.attempts(t, first.ID) {
			assert.Equal(t, first.ID, a.DeliveryID)
			assert.Equal(t, first.ID, a.RequestHeaders["Webhook-Id"], "the receiver can tell a repetition")
			numbers, statuses = append(numbers, a.Number), append(statuses, a.ResponseStatus)
		}
		assert.Equal(t, []int{3, 2, 1}, numbers, "newest first, and none is gone")
		assert.Equal(t, []int{200, 502, 500}, statuses)
	})
}

func TestRetryWithAnEmptyObjectSucceeds(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(500), status(204))
		c.endpoint(t, url, 0)
		failed := c.failed(t)
		assert.Equal(t, pending, data[delivery](t, c.post(t, deliveries+"/"+failed.ID+"/retry", "{}")).Status)
		c.awaitStatus(t, failed.ID, success)
	})
}

func TestRetryStartsAFreshSetOfRetries(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500))
		c.endpoint(t, url, 1)
		failed := c.failed(t)
		data[delivery](t, c.retry(t, failed.ID))
		hook.await(t, failed.ID, 4)
		again := c.awaitStatus(t, failed.ID, failure)
		assert.Equal(t, 1, again.RetryCount, "counted since the retry by hand")
		assert.Len(t, c.attempts(t, failed.ID), 4)
	})
}

func TestRetryOfANonFailedDeliveryIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hold := newGate()
		hook, url := answering(t, status(200).behind(hold))
		c.endpoint(t, url, 0, "held.*")
		c.endpoint(t, hook.on("/busy", status(503).with("Retry-After", "60")), 1, "busy.*")

		held := c.publishEvent(t, `{"eventType":"held.run","data":{}}`).Deliveries[0]
		hook.await(t, held.ID, 1)
		assert.Equal(t, pending, c.delivery(t, held.ID).Status, "on its way, and not answered")
		c.retry(t, held.ID).refused(t, 400, "delivery_not_failed")
		hold.open()
		arrived := c.awaitStatus(t, held.ID, success)
		c.retry(t, held.ID).refused(t, 400, "delivery_not_failed")
		assert.Equal(t, arrived, c.delivery(t, held.ID), "a refusal changes nothing")

		busy := c.publishEvent(t, `{"eventType":"busy.run","data":{}}`).Deliveries[0]
		c.awaitStatus(t, busy.ID, retrying)
		p := c.retry(t, busy.ID).refused(t, 400, "delivery_not_failed")
		assert.Equal(t, "status", p.Details[0].Field)
	})
}

func TestRetryConcurrentOneWins(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hold := newGate()
		hook, url := answering(t, status(500), status(200).behind(hold))
		c.endpoint(t, url, 0)
		failed := c.failed(t)

		const callers = 50
		answers := make(chan reply, callers)
		begin := newGate()
		for range callers {
			go func() {
				<-begin.way
				answer, err := c.try(request{method: http.MethodPost, path: deliveries + "/" + failed.ID + "/retry"})
				assert.NoError(t, err)
				answers <- answer
			}()
		}
		begin.open()
		accepted, refused, unknown := 0, 0, 0
		for range callers {
			switch answer := <-answers; answer.status {
			case http.StatusOK:
				accepted++
			case http.StatusServiceUnavailable: // the database of a busy machine took too long, and may have taken the retry
				unknown++
			default:
				answer.refused(t, 400, "delivery_not_failed")
				refused++
			}
		}
		assert.LessOrEqual(t, accepted, 1)
		assert.True(t, accepted == 1 || unknown > 0, "%d accepted, %d refused", accepted, refused)

		hold.open()
		c.awaitStatus(t, failed.ID, success)
		// A second task of the fifty calls would be sent before this one.
		after := c.publish(t)
		hook.await(t, after.ID, 1)
		assert.Len(t, hook.of(failed.ID), 2, "the attempt that failed, and one for fifty retries")
		assert.Len(t, c.attempts(t, failed.ID), 2)
	})
}

func TestRetryToADisabledEndpointIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		target := c.endpoint(t, url, 0)
		failed := c.failed(t)
		c.disable(t, target.ID)
		p := c.retry(t, failed.ID).refused(t, 400, "endpoint_disabled")
		assert.Equal(t, "endpointId", p.Details[0].Field)
		assert.Equal(t, failed, c.delivery(t, failed.ID))

		c.enable(t, target.ID)
		data[delivery](t, c.retry(t, failed.ID))
		hook.await(t, failed.ID, 2)
		c.awaitStatus(t, failed.ID, success)
	})
}

func TestRetryWithABodyIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(500))
		c.endpoint(t, url, 0)
		failed := c.failed(t)
		for body, reason := range map[string]string{
			`{"force":true}`: "unknown_field",
			`[]`:             "invalid_type",
			`{} {}`:          "trailing_data",
			`{`:              "malformed_json",
		} {
			answer := c.call(t, request{method: http.MethodPost, path: deliveries + "/" + failed.ID + "/retry", body: body, wrong: true})
			answer.refused(t, 400, reason)
		}
		assert.Equal(t, failed, c.delivery(t, failed.ID))
	})
}
