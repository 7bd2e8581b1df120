package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestAnswer410EndsDeliveryAndEndpoint(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(http.StatusGone))
		target := c.endpoint(t, url, 5)
		failed := c.failed(t)
		assert.Equal(t, 0, failed.RetryCount)
		assert.Equal(t, 410, failed.ResponseStatus)
		disabled := c.find(t, target.ID)
		assert.Equal(t, "disabled", disabled.Status)
		assert.False(t, disabled.DisabledAt.IsZero())
		assert.Len(t, hook.all(), 1)
		eventually(t, "whoever publishes has heard of it", func() bool {
			return len(c.publishEvent(t, `{"eventType":"run.finished","data":{}}`).Deliveries) == 0
		})
		assert.Len(t, hook.all(), 1, "what was published before that was not sent")
	})
}

// goneBeforeChange answers 410 to an attempt that began before the endpoint was disabled and enabled again.
func TestAnswer410BeforeAChangeKeepsTheEndpoint(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		held := newGate()
		hook, url := answering(t, status(http.StatusGone).behind(held))
		target := c.endpoint(t, url, 5)
		made := c.publish(t)
		hook.await(t, made.ID, 1)
		c.disable(t, target.ID)
		enabled := c.enable(t, target.ID)
		held.open()
		ended := c.awaitStatus(t, made.ID, failure)
		assert.Equal(t, http.StatusGone, ended.ResponseStatus)
		assert.Zero(t, ended.RetryCount)
		assert.Equal(t, enabled, c.find(t, target.ID), "the endpoint stays enabled")

		c.failed(t) // its attempt began after the change
		assert.Equal(t, "disabled", c.find(t, target.ID).Status)
	})
}

func TestAnswer429DelaysTheRetry(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(429).with("Retry-After", "3"), status(200))
		c.endpoint(t, url, 1)
		made := c.publish(t)
		waiting := c.awaitStatus(t, made.ID, retrying)
		assert.Equal(t, 0, waiting.RetryCount)
		assert.Equal(t, "3", waiting.ResponseHeaders["Retry-After"])
		arrived := hook.await(t, made.ID, 2)
		assert.GreaterOrEqual(t, waiting.NextRetryAt.Sub(arrived[0].at), 3*time.Second)
		assert.False(t, arrived[1].at.Before(waiting.NextRetryAt), "%s early", waiting.NextRetryAt.Sub(arrived[1].at))
		assert.Equal(t, 1, c.awaitStatus(t, made.ID, success).RetryCount)
	})
}

func TestAnswerRedirectIsNotFollowed(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook := newReceiver(t)
		elsewhere := hook.on("/elsewhere", status(200))
		c.endpoint(t, hook.on("/moved", status(http.StatusTemporaryRedirect).with("Location", elsewhere)), 0)
		failed := c.failed(t)
		assert.Equal(t, 307, failed.ResponseStatus)
		assert.Equal(t, elsewhere, failed.ResponseHeaders["Location"])
		assert.Len(t, hook.all(), 1)
	})
}

func TestAnswerTimeoutFailsTheAttempt(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(200).behind(newGate()))
		c.endpoint(t, url, 0)
		failed := c.failed(t)
		assert.Zero(t, failed.ResponseStatus)
		assert.Empty(t, failed.ResponseHeaders)
		assert.Contains(t, failed.ErrorMessage, "no answer within")
		assert.NotEmpty(t, failed.RequestHeaders)
	})
}

func TestAnswerRefusedConnectionFailsTheAttempt(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		hook.server.Close()
		c.endpoint(t, url, 0)
		failed := c.failed(t)
		assert.Zero(t, failed.ResponseStatus)
		assert.Contains(t, failed.ErrorMessage, "refused")
		assert.Len(t, c.attempts(t, failed.ID), 1)
	})
}

func TestDeliveryDueWhileDisabledFails(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(503).with("Retry-After", "2"), status(200))
		target := c.endpoint(t, url, 3)
		made := c.publish(t)
		c.awaitStatus(t, made.ID, retrying)
		c.disable(t, target.ID)

		ended := c.awaitStatus(t, made.ID, failure)
		assert.Regexp(t, `^endpoint_disabled`, ended.ErrorMessage)
		assert.Equal(t, 503, ended.ResponseStatus, "of the last attempt")
		assert.Len(t, hook.all(), 1)
		assert.Len(t, c.attempts(t, made.ID), 1)
		c.retry(t, made.ID).refused(t, 400, "endpoint_disabled")

		c.enable(t, target.ID)
		retried := data[delivery](t, c.retry(t, made.ID))
		assert.NotContains(t, retried.ErrorMessage, "endpoint_disabled", "cleared by the retry")
		c.awaitStatus(t, made.ID, success)
		assert.Len(t, hook.all(), 2)
	})
}
