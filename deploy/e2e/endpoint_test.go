package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestEndpointIsCreatedFoundAndListed(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const url = "http://127.0.0.1:2/hook?a=b&c=%20"
		made := data[endpointSecret](t, c.post(t, base, `{"name":"Müller & Söhne","url":"`+url+`","description":"what it is <for>",
		"maxRetries":20,"subscribedEventTypes":["run.*","node.failed","*"]}`))
		assert.Regexp(t, `^whsec_`, made.SigningSecret)
		assert.Equal(t, endpoint{
			ID: made.Endpoint.ID, OrganizationID: c.organization, Name: "Müller & Söhne", URL: url, Description: "what it is <for>",
			SubscribedEventTypes: []string{"run.*", "node.failed", "*"}, MaxRetries: 20, Status: "active",
			CreatedBy: made.Endpoint.CreatedBy, CreatedAt: made.Endpoint.CreatedAt, UpdatedAt: made.Endpoint.CreatedAt,
		}, made.Endpoint)
		assert.WithinDuration(t, time.Now(), made.Endpoint.CreatedAt, time.Minute)
		assert.Equal(t, made.Endpoint, c.find(t, made.Endpoint.ID))
		assert.Equal(t, []endpoint{made.Endpoint}, data[page[endpoint]](t, c.get(t, base)).Items)

		disabled := c.disable(t, made.Endpoint.ID)
		assert.Equal(t, "disabled", disabled.Status)
		assert.False(t, disabled.DisabledAt.IsZero())
		assert.Equal(t, disabled, c.disable(t, made.Endpoint.ID), "once more changes nothing")
		assert.Equal(t, []endpoint{disabled}, data[page[endpoint]](t, c.get(t, base)).Items)
		enabled := c.enable(t, made.Endpoint.ID)
		assert.Equal(t, "active", enabled.Status)
		assert.Zero(t, enabled.DisabledAt)
		assert.Equal(t, enabled, c.enable(t, made.Endpoint.ID))
	})
}

func TestEndpointDefaultsApply(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		made := data[endpointSecret](t, c.post(t, base, `{"name":"n","url":"http://127.0.0.1:2/"}`)).Endpoint
		assert.Equal(t, 5, made.MaxRetries)
		assert.Equal(t, []string{}, made.SubscribedEventTypes)
		assert.Zero(t, made.RateLimit)
		assert.Empty(t, made.Headers)
		none := data[endpointSecret](t, c.post(t, base, `{"name":"n","url":"http://127.0.0.1:2/","maxRetries":0}`)).Endpoint
		assert.Equal(t, 0, none.MaxRetries)
	})
}

func TestEndpointDisabledGetsNoDelivery(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		target := c.endpoint(t, url, 0)
		c.disable(t, target.ID)
		assert.Empty(t, c.publishEvent(t, `{"eventType":"run.finished","data":{}}`).Deliveries)
		c.enable(t, target.ID)
		made := c.publish(t)
		hook.await(t, made.ID, 1)
		assert.Len(t, hook.all(), 1, "what was published meanwhile is not made up for")
	})
}

func TestEndpointDisabledCanGetANewSecret(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		target := c.endpoint(t, url, 0)
		c.disable(t, target.ID)
		regenerated := data[endpointSecret](t, c.post(t, base+"/"+target.ID+"/regenerate-secret", ""))
		assert.Equal(t, "disabled", regenerated.Endpoint.Status)
		c.enable(t, target.ID)
		assert.NoError(t, verify(t, regenerated.SigningSecret, hook.await(t, c.publish(t).ID, 1)[0]))
	})
}

func TestEventReachesEachSubscriber(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook := newReceiver(t)
		c.endpoint(t, hook.on("/a", status(200)), 0)
		c.endpoint(t, hook.on("/b", status(500)), 0)
		made := c.publishEvent(t, `{"eventType":"run.finished","data":{}}`)
		assert.Len(t, made.Deliveries, 2)
		ends := map[string]int{}
		for _, d := range made.Deliveries {
			hook.await(t, d.ID, 1)
			eventually(t, "delivery "+d.ID+" ends", func() bool { return c.delivery(t, d.ID).Status != pending })
			ends[c.delivery(t, d.ID).Status]++
		}
		assert.Equal(t, map[string]int{success: 1, failure: 1}, ends, "one's failure is not the other's")
	})
}
