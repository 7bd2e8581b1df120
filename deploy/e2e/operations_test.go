package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// These functions are the steps of the stories.

// endpoint registers an endpoint for the URL.
func (c *client) endpoint(t *testing.T, url string, maxRetries int, types ...string) endpoint {
	t.Helper()
	return c.register(t, url, maxRetries, types...).Endpoint
}

func (c *client) register(t *testing.T, url string, maxRetries int, types ...string) endpointSecret {
	t.Helper()
	fields := map[string]any{"name": "test", "url": url, "maxRetries": maxRetries}
	if len(types) > 0 {
		fields["subscribedEventTypes"] = types
	}
	return data[endpointSecret](t, c.post(t, base, toJSON(t, fields)))
}

// publish publishes an event that exactly one endpoint subscribes to, and returns the ID of its delivery.
func (c *client) publish(t *testing.T) publishedDelivery {
	t.Helper()
	made := c.publishEvent(t, `{"eventType":"run.finished","data":{"ok":true}}`)
	require.Len(t, made.Deliveries, 1)
	return made.Deliveries[0]
}

func (c *client) publishEvent(t *testing.T, body string) published {
	t.Helper()
	return data[published](t, c.post(t, base+"/events", body))
}

func (c *client) delivery(t *testing.T, id string) delivery {
	t.Helper()
	return data[delivery](t, c.get(t, deliveries+"/"+id))
}

// awaitStatus waits until the delivery has the status and returns it.
func (c *client) awaitStatus(t *testing.T, id, status string) delivery {
	t.Helper()
	var last delivery
	eventually(t, "delivery "+id+" becomes "+status, func() bool {
		last = c.delivery(t, id)
		return last.Status == status
	})
	return last
}

// failed publishes an event whose delivery ends in failure, and returns the delivery.
func (c *client) failed(t *testing.T) delivery {
	t.Helper()
	return c.awaitStatus(t, c.publish(t).ID, failure)
}

func (c *client) retry(t *testing.T, id string) reply {
	t.Helper()
	return c.post(t, deliveries+"/"+id+"/retry", "")
}

func (c *client) replay(t *testing.T, id string) reply {
	t.Helper()
	return c.post(t, deliveries+"/"+id+"/replay", "")
}

func (c *client) attempts(t *testing.T, id string) []attempt {
	t.Helper()
	return data[page[attempt]](t, c.get(t, deliveries+"/"+id+"/attempts")).Items
}

func (c *client) find(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.get(t, base+"/"+endpointID))
}

func (c *client) disable(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.post(t, base+"/"+endpointID+"/disable", ""))
}

func (c *client) enable(t *testing.T, endpointID string) endpoint {
	t.Helper()
	return data[endpoint](t, c.post(t, base+"/"+endpointID+"/enable", ""))
}
