package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAttemptsAgreeWithWhatTheReceiverSaw(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(404), status(204))
		c.endpoint(t, url, 2)
		made := c.publish(t)
		arrived := hook.await(t, made.ID, 3)
		done := c.awaitStatus(t, made.ID, success)
		assert.Equal(t, 2, done.RetryCount)

		recorded := c.attempts(t, made.ID)
		require.Len(t, recorded, len(arrived))
		for i, a := range arrived {
			got := recorded[len(recorded)-1-i]
			assert.Equal(t, i+1, got.Number)
			assert.Equal(t, a.header.Get("webhook-timestamp"), got.RequestHeaders["Webhook-Timestamp"])
			assert.Equal(t, a.header.Get("webhook-signature"), got.RequestHeaders["Webhook-Signature"])
			assert.Equal(t, []int{500, 404, 204}[i], got.ResponseStatus)
			assert.Equal(t, []string{failure, failure, success}[i], got.Outcome)
			assert.Equal(t, got.Outcome == success, got.ErrorMessage == "", got.ErrorMessage)
			assert.Equal(t, got.Outcome == success, got.NextRetryAt.IsZero())
			if i > 0 {
				assert.False(t, a.at.Before(recorded[len(recorded)-i].NextRetryAt), "an attempt began before its time")
			}
		}

		whole := data[page[attempt]](t, c.get(t, deliveries+"/"+made.ID+"/attempts?limit=2&offset=1"))
		assert.Equal(t, recorded[1:], whole.Items)
		assert.False(t, whole.HasMore)
	})
}

func TestAttemptsShowBinaryAnswersAsText(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const kept = 16 << 10
		for name, test := range map[string]struct {
			answer answer
			want   func(t *testing.T, got delivery)
		}{
			"NUL and invalid UTF-8": {
				answer{status: 400, body: "a\x00b\xffc", header: map[string]string{"X-Odd": "a\xffb"}},
				func(t *testing.T, got delivery) {
					assert.Equal(t, "a\x00b\uFFFDc", got.ResponseBody)
					assert.Equal(t, "a\uFFFDb", got.ResponseHeaders["X-Odd"])
				},
			},
			"more than is kept": {
				answer{status: 400, body: strings.Repeat("x", kept+1)},
				func(t *testing.T, got delivery) { assert.Equal(t, kept, len(got.ResponseBody)) },
			},
			"a status that nobody knows": {
				answer{status: 999},
				func(t *testing.T, got delivery) { assert.Equal(t, 999, got.ResponseStatus) },
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, url := answering(t, test.answer)
				c.endpoint(t, url, 0, strings.ReplaceAll(strings.ToLower(name), " ", "_"))
				made := c.publishEvent(t, fmt.Sprintf(`{"eventType":%q,"data":{}}`, strings.ReplaceAll(strings.ToLower(name), " ", "_")))
				test.want(t, c.awaitStatus(t, made.Deliveries[0].ID, failure))
			})
		}
	})
}
