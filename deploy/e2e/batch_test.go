package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// batch has the results of the events of one request, in their order.
type batch struct {
	Results []struct {
		Event *struct {
			ID        string `json:"id"`
			EventType string `json:"eventType"`
		} `json:"event"`
		Deliveries []struct {
			ID         string `json:"id"`
			EndpointID string `json:"endpointId"`
		} `json:"deliveries"`
		Error *struct {
			Reason string `json:"reason"`
			Field  string `json:"field"`
		} `json:"error"`
	} `json:"results"`
}

func TestBatchAcceptsEachEventByItself(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		runs := c.endpoint(t, url, 0, "run.*")
		all := c.endpoint(t, url, 0)
		made := data[batch](t, c.call(t, request{method: http.MethodPost, path: base + "/events/batch", wrong: true, body: `{"events":[
		{"eventType":"run.finished","data":{"n":1.50}},
		{"eventType":"run finished","data":{}},
		{"eventType":"node.finished","data":{}}]}`})).Results
		require.Len(t, made, 3)

		require.Len(t, made[0].Deliveries, 2)
		assert.ElementsMatch(t, []string{runs.ID, all.ID}, []string{made[0].Deliveries[0].EndpointID, made[0].Deliveries[1].EndpointID})
		require.NotNil(t, made[1].Error)
		assert.Equal(t, "invalid_event_type", made[1].Error.Reason)
		assert.Equal(t, "eventType", made[1].Error.Field)
		assert.Nil(t, made[1].Event)
		require.Len(t, made[2].Deliveries, 1)

		for _, result := range []int{0, 2} {
			for _, d := range made[result].Deliveries {
				arrived := hook.await(t, d.ID, 1)
				assert.Contains(t, string(arrived[0].body), made[result].Event.ID)
				c.awaitStatus(t, d.ID, success)
			}
		}
		assert.Len(t, hook.all(), 3)
	})
}
