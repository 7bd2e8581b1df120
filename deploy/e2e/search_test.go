package e2e

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type fanOut struct {
	Event      event
	Deliveries []struct{ ID, EndpointID, Status, ReplayOf string }

	WithoutDelivery []struct{ EndpointID, Reason string }
}

// TestSearchFromRunToDeliver finds the failed delivery of a run, its event, and the endpoint that missed the event, and sends it there.
func TestSearchFromRunToDeliver(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, failing := answering(t, status(503))
		broken := c.endpoint(t, failing, 0)
		run := "run of " + broken.ID
		made := data[published](t, c.post(t, "/v1/execution-webhooks/events", fmt.Sprintf(`{"eventType": "run.finished", "runId": %q, "data": {"n": 1}}`, run)))
		require.Len(t, made.Deliveries, 1)
		c.awaitStatus(t, made.Deliveries[0].ID, failure)
		hook, working := answering(t, status(204))
		missed := c.endpoint(t, working, 0)

		query := "?runId=" + url.QueryEscape(run)
		events := data[page[event]](t, c.get(t, "/v1/execution-webhooks/events"+query))
		require.Len(t, events.Items, 1)
		found := data[fanOut](t, c.get(t, "/v1/execution-webhooks/events/"+events.Items[0].ID))
		require.Len(t, found.Deliveries, 1)
		assert.Equal(t, failure, found.Deliveries[0].Status)
		require.Len(t, found.WithoutDelivery, 1)
		assert.Equal(t, missed.ID, found.WithoutDelivery[0].EndpointID)
		assert.Equal(t, "created_later", found.WithoutDelivery[0].Reason)

		for _, filter := range []string{"", "&status=failure", "&responseStatus=5xx", "&errorCode=http_status", "&failureReason=exhausted"} {
			deliveries := data[page[delivery]](t, c.get(t, "/v1/execution-webhooks/deliveries"+query+filter))
			require.Len(t, deliveries.Items, 1, filter)
			assert.Equal(t, made.Deliveries[0].ID, deliveries.Items[0].ID)
		}
		sent := data[delivery](t, c.post(t, "/v1/execution-webhooks/events/"+found.Event.ID+"/deliver", fmt.Sprintf(`{"endpointId": %q}`, missed.ID)))
		hook.await(t, sent.ID, 1)
		c.awaitStatus(t, sent.ID, success)
		found = data[fanOut](t, c.get(t, "/v1/execution-webhooks/events/"+found.Event.ID))
		assert.Len(t, found.Deliveries, 2)
		assert.Empty(t, found.WithoutDelivery)
	})
}

// TestCancelEndsPausedDelivery cancels a delivery that waits, and retries it.
func TestCancelEndsPausedDelivery(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(204))
		target := c.endpoint(t, url, 0)
		c.post(t, "/v1/execution-webhooks/"+target.ID+"/pause", "")
		made := data[published](t, c.post(t, "/v1/execution-webhooks/events", `{"eventType": "run.finished", "data": {}}`))
		path := "/v1/execution-webhooks/deliveries/" + made.Deliveries[0].ID
		cancelled := data[delivery](t, c.post(t, path+"/cancel", ""))
		assert.Equal(t, failure, cancelled.Status)
		assert.Contains(t, cancelled.ErrorMessage, "cancelled")
		c.post(t, "/v1/execution-webhooks/"+target.ID+"/resume", "")
		assert.Empty(t, hook.all())
		data[delivery](t, c.retry(t, cancelled.ID))
		hook.await(t, cancelled.ID, 1)
		c.awaitStatus(t, cancelled.ID, success)
	})
}
