package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withKey sends a request with an idempotency key.
func withKey(key, path, body string) request {
	return request{method: http.MethodPost, path: path, body: body, header: http.Header{"Idempotency-Key": {key}}}
}

func wasReplayed(r reply) bool { return r.header.Get("Idempotency-Replayed") == "true" }

// A publisher that sends its event, its batch and its retry again delivers each once.
func TestIdempotencyRepeatedRequestsDeliverOnce(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		target := withKey("endpoint", base, toJSON(t, map[string]any{"name": "test", "url": url, "maxRetries": 0}))
		registered := data[endpointSecret](t, c.call(t, target))
		again := c.call(t, target)
		assert.True(t, wasReplayed(again))
		assert.Equal(t, registered, data[endpointSecret](t, again), "the same secret is shown again")

		event := withKey("run_1/finished", base+"/events", `{"eventType":"run.finished","data":{"n":1}}`)
		first := data[published](t, c.call(t, event))
		again = c.call(t, event)
		assert.True(t, wasReplayed(again))
		assert.Equal(t, first, data[published](t, again))
		require.Len(t, first.Deliveries, 1)
		id := first.Deliveries[0].ID
		c.awaitStatus(t, id, failure)

		retry := withKey("retry", deliveries+"/"+id+"/retry", "")
		assert.False(t, wasReplayed(c.call(t, retry)))
		c.awaitStatus(t, id, success)
		again = c.call(t, retry)
		assert.True(t, wasReplayed(again))
		assert.Equal(t, success, data[delivery](t, again).Status, "it is shown as it is now")
		assert.Len(t, hook.of(id), 2)

		batched := withKey("batch", base+"/events/batch", `{"events":[{"eventType":"run.a","data":{}},{"eventType":"run.b","data":{}}]}`)
		assert.False(t, wasReplayed(c.call(t, batched)))
		assert.True(t, wasReplayed(c.call(t, batched)))
		assert.Len(t, c.walkDeliveries(t), 3, "one of the event, and one of each event of the batch")
	})
}

// walkDeliveries returns the IDs of all deliveries, page by page.
func (c *client) walkDeliveries(t *testing.T) (ids []string) {
	t.Helper()
	for cursor := ""; ; {
		found := data[page[delivery]](t, c.get(t, deliveries+"?limit=2"+cursor))
		for _, d := range found.Items {
			ids = append(ids, d.ID)
		}
		if !found.HasMore {
			return ids
		}
		cursor = "&cursor=" + found.NextCursor
	}
}
