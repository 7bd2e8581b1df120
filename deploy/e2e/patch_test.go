package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (c *client) patch(t *testing.T, endpointID, body string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodPatch, path: base + "/" + endpointID, body: body})
}

// patchWrong sends a patch that breaks the contract on purpose.
func (c *client) patchWrong(t *testing.T, endpointID, body string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodPatch, path: base + "/" + endpointID, body: body, wrong: true})
}

// An attempt to the old URL may begin for a second after the answer. Deliveries that wait are sent to the new URL.
func TestPatchMovesWaitingDeliveriesToNewURL(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook := newReceiver(t)
		e := c.endpoint(t, hook.on("/old", status(500)), 5)
		waiting := c.publish(t)
		hook.await(t, waiting.ID, 1)

		moved := data[endpoint](t, c.patch(t, e.ID, fmt.Sprintf(`{"url":%q}`, hook.on("/new", status(200)))))
		answered := time.Now()
		assert.True(t, moved.UpdatedAt.After(e.UpdatedAt))
		c.awaitStatus(t, waiting.ID, success)
		later := c.publish(t)
		hook.await(t, later.ID, 1)
		for _, a := range hook.all() {
			if a.path == "/old" {
				assert.Less(t, a.at.Sub(answered), time.Second)
			}
		}
	})
}

func TestPatchKeepsWhatItDoesNotName(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		made := c.create(t, "http://127.0.0.1:2/", `"description":"d","maxRetries":3,"subscribedEventTypes":["run.*"],"rateLimit":5`).Endpoint
		assert.Equal(t, made, data[endpoint](t, c.patch(t, made.ID, `{}`)), "an empty patch changes nothing")

		renamed := data[endpoint](t, c.patch(t, made.ID, `{"name":"other"}`))
		expected := made
		expected.Name, expected.UpdatedAt = "other", renamed.UpdatedAt
		assert.Equal(t, expected, renamed)

		reset := data[endpoint](t, c.patch(t, made.ID, `{"description":null,"subscribedEventTypes":[],"rateLimit":0,"maxRetries":0}`))
		assert.Equal(t, []any{"", []string{}, 0, 0}, []any{reset.Description, reset.SubscribedEventTypes, reset.RateLimit, reset.MaxRetries})
		c.patchWrong(t, made.ID, `{"name":null}`).refused(t, 400, "required")
		c.patchWrong(t, made.ID, `{"nama":"x"}`).refused(t, 400, "unknown_field")
	})
}

// Headers are sent to the scheme, host and port that they were given for, and to no other.
func TestPatchHeadersStayWithDestination(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		trusted, first := answering(t, status(200))
		other, second := answering(t, status(200))
		e := c.create(t, first, `"headers":{"Authorization":"Bearer trusted"}`).Endpoint
		c.patch(t, e.ID, fmt.Sprintf(`{"url":%q}`, second)).refused(t, 400, "headers_required")
		c.patch(t, e.ID, `{"headers":{"Authorization":"****"}}`).refused(t, 400, "masked_value")

		var group sync.WaitGroup
		for i := range 20 {
			body := fmt.Sprintf(`{"url":%q,"headers":{"Authorization":"Bearer trusted"}}`, first)
			if i%2 == 0 {
				body = fmt.Sprintf(`{"url":%q,"headers":{}}`, second)
			}
			group.Go(func() {
				answer, err := c.try(request{method: http.MethodPatch, path: base + "/" + e.ID, body: body})
				assert.NoError(t, err)
				assert.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
			})
			c.publish(t)
		}
		group.Wait()
		data[endpoint](t, c.patch(t, e.ID, fmt.Sprintf(`{"url":%q,"headers":{}}`, second)))
		for _, id := range c.walkDeliveries(t) {
			c.awaitStatus(t, id, success)
		}
		for _, a := range trusted.all() {
			assert.Equal(t, "Bearer trusted", a.header.Get("Authorization"))
		}
		for _, a := range other.all() {
			assert.Empty(t, a.header.Get("Authorization"))
		}
	})
}

// A new URL is checked as at creation.
func TestPatchPrivateAddressIsRefused(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		made := data[endpointSecret](t, c.post(t, base, `{"name":"n","url":"https://93.184.215.14/hook"}`)).Endpoint
		for url, reason := range map[string]string{
			"https://127.0.0.1/":              "destination_not_allowed",
			"https://169.254.169.254/":        "destination_not_allowed",
			"https://10.1.2.3/":               "destination_not_allowed",
			"https://[::1]/":                  "destination_not_allowed",
			"https://[::ffff:127.0.0.1]/":     "destination_not_allowed",
			"https://[64:ff9b::7f00:1]/":      "destination_not_allowed",
			"http://93.184.215.14/":           "scheme_not_allowed",
			"https://2130706433/":             "",
			"https://0177.0.0.1/":             "",
			"https://user@127.0.0.1/":         "",
			"https://93.184.215.14:0/":        "",
			"file:///etc/passwd":              "",
			"https://localhost/":              "",
			"https://①②⑦.⓪.⓪.①/":              "",
			"https://127.0.0.1./":             "",
			"//93.184.215.14/without-scheme/": "",
		} {
			answer := c.patchWrong(t, made.ID, fmt.Sprintf(`{"url":%q}`, url))
			require.Equal(t, http.StatusBadRequest, answer.status, "%s: %s", url, answer.body)
			if reason != "" {
				answer.refused(t, 400, reason)
			}
		}
		assert.Equal(t, made, c.find(t, made.ID))
	})
}

func TestChangesAreListedMasked(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		made := c.create(t, "http://127.0.0.1:2/", `"headers":{"X-Token":"very secret"}`)
		id := made.Endpoint.ID
		data[endpoint](t, c.patch(t, id, `{"name":"renamed","headers":{"X-Token":"more secret"}}`))
		c.pause(t, id)
		c.resume(t, id)
		c.disable(t, id)
		c.enable(t, id)
		regenerated := data[endpointSecret](t, c.regenerate(t, id, ""))
		c.deleteEndpoint(t, id)

		type change struct {
			EndpointID, Change, By string
			Before, After          map[string]any
		}
		answer := c.get(t, base+"/"+id+"/changes")
		for _, secret := range []string{"very secret", "more secret", made.SigningSecret, regenerated.SigningSecret} {
			assert.NotContains(t, string(answer.body), secret)
		}
		list := data[page[change]](t, answer).Items
		var kinds []string
		for _, one := range list {
			kinds = append(kinds, one.Change)
			assert.Equal(t, made.Endpoint.CreatedBy, one.By)
			assert.Equal(t, id, one.EndpointID)
		}
		assert.Equal(t, []string{"deleted", "secret_regenerated", "enabled", "disabled", "resumed", "paused", "updated", "created"}, kinds)
		assert.Equal(t, "renamed", list[6].After["name"])
		assert.Equal(t, "n", list[6].Before["name"])
		assert.Equal(t, list, data[page[change]](t, c.get(t, base+"/changes?endpointId="+id)).Items)
		assert.Empty(t, data[page[change]](t, s.organization(t).get(t, base+"/changes?endpointId="+id)).Items, "another organization finds nothing")
	})
}
