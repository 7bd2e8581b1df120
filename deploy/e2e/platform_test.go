package e2e

import (
	"flag"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

const organizations = "/v1/organizations"

type organization struct {
	ID, Name  string
	Metadata  map[string]string
	Limits    map[string]int
	Usage     map[string]int
	DeletedAt time.Time
}

// platform returns a client with a platform key.
func (s *suite) platform(t *testing.T) *client {
	t.Helper()
	return s.client("", s.stack.NewKey(t, "", stack.Platform))
}

// in returns a request of the platform that acts for an organization.
func in(organization, method, path, body string) request {
	return request{method: method, path: path, body: body, header: http.Header{"X-Org-Id": {organization}}}
}

func (c *client) putOrganization(t *testing.T, id, body string) organization {
	t.Helper()
	return data[organization](t, c.call(t, request{method: http.MethodPut, path: organizations + "/" + id, body: body}))
}

// customers is 100 to keep the suite short. `go test ./deploy/e2e -run TestPlatformOnboards -customers 1000` runs the story with more.
var customers = flag.Int("customers", 100, "number of organizations that the platform onboards")

// A platform onboards customers with one key: each needs a PUT and an endpoint. A delivery of each fails and is retried.
func TestPlatformOnboardsPublishesAndRetries(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		const atATime = 16
		p, hook, prefix := s.platform(t), newReceiver(t), s.organization(t).organization+"-customer-"
		var group sync.WaitGroup
		for first := range atATime {
			group.Go(func() {
				for i := first; i < *customers; i += atATime {
					p.onboard(t, hook, prefix+strconv.Itoa(i))
				}
			})
		}
		group.Wait()
	})
}

func (c *client) onboard(t *testing.T, hook *receiver, name string) {
	t.Helper()
	c.putOrganization(t, name, `{"name":"Customer","metadata":{"plan":"pro"}}`)
	url := hook.on("/"+name, status(500), status(200))
	data[endpointSecret](t, c.call(t, in(name, http.MethodPost, base, `{"name":"n","url":"`+url+`","maxRetries":0}`)))
	made := data[published](t, c.call(t, in(name, http.MethodPost, base+"/events", `{"eventType":"run.finished","data":{}}`)))
	id := made.Deliveries[0].ID
	hook.await(t, id, 1)
	eventually(t, "the delivery of "+name+" fails", func() bool {
		return data[delivery](t, c.call(t, in(name, http.MethodGet, deliveries+"/"+id, ""))).Status == failure
	})
	data[delivery](t, c.call(t, in(name, http.MethodPost, deliveries+"/"+id+"/retry", "")))
	hook.await(t, id, 2)
	shown := data[organization](t, c.get(t, organizations+"/"+name))
	assert.Equal(t, map[string]string{"plan": "pro"}, shown.Metadata)
	assert.Equal(t, 1, shown.Usage["endpoints"])
}

func TestPlatformKeyNeedsKnownOrganization(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		p, c := s.platform(t), s.organization(t)
		p.get(t, base).refused(t, 400, "organization_required")
		p.call(t, in("", http.MethodGet, base, "")).refused(t, 400, "organization_required")
		p.call(t, in("nobody", http.MethodGet, base, "")).refused(t, 404, "organization_not_found")
		_, url := answering(t, status(200))
		e := c.endpoint(t, url, 0)
		other := s.organization(t)
		p.putOrganization(t, other.organization, "{}")
		p.call(t, in(other.organization, http.MethodGet, base+"/"+e.ID, "")).refused(t, 404, "endpoint_not_found")
		assert.Equal(t, http.StatusOK, p.call(t, in(c.organization, http.MethodGet, base+"/"+e.ID, "")).status)
		for _, o := range platformOperations() {
			if o.path != "/v1/event-types" {
				c.call(t, request{method: o.method, path: o.path, body: o.body}).refused(t, 403, "platform_key_required")
			}
		}
	})
}

func TestOrganizationLimitsAreEnforced(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		p, c := s.platform(t), s.organization(t)
		_, url := answering(t, status(200).behind(newGate()))
		p.putOrganization(t, c.organization, `{"limits":{"maxEndpoints":1,"maxApiKeys":1,"maxWaitingDeliveries":3}}`)
		e := c.endpoint(t, url, 0)
		c.post(t, base, `{"name":"n","url":"`+url+`"}`).refused(t, 400, "endpoint_limit")
		c.post(t, "/v1/api-keys", `{"name":"second"}`).refused(t, 400, "api_key_limit")
		c.pause(t, e.ID)
		eventually(t, "the backlog is at its limit", func() bool {
			answer := c.post(t, base+"/events", `{"eventType":"run.finished","data":{}}`)
			if answer.status == http.StatusOK {
				return false
			}
			answer.refused(t, http.StatusTooManyRequests, "backlog_limit")
			assert.NotEmpty(t, answer.header.Get("Retry-After"))
			return true
		})
		p.putOrganization(t, c.organization, `{"limits":null}`)
		eventually(t, "every process uses the new limit", func() bool {
			return c.post(t, base+"/events", `{"eventType":"run.finished","data":{}}`).status == http.StatusOK
		})
	})
}

// No attempt starts after the answer. A PUT restores the organization as it was, and what waited is sent.
func TestOrganizationDeletedAndRestored(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		p, c := s.platform(t), s.organization(t)
		p.putOrganization(t, c.organization, `{"name":"before"}`)
		hook, url := answering(t, status(200))
		e := c.endpoint(t, url, 3)
		c.pause(t, e.ID)
		ids := c.publishMany(t, 50)
		path := organizations + "/" + c.organization
		p.call(t, request{method: http.MethodDelete, path: path + "?confirm=other", wrong: true}).refused(t, 400, "confirmation_required")
		c.resume(t, e.ID)
		deleted := data[organization](t, p.call(t, request{method: http.MethodDelete, path: path + "?confirm=" + c.organization}))
		answered := time.Now()
		assert.NotZero(t, deleted.DeletedAt)
		eventually(t, "its keys are refused", func() bool { return c.get(t, base).status == http.StatusUnauthorized })
		p.call(t, in(c.organization, http.MethodGet, base, "")).refused(t, 404, "organization_not_found")
		for _, a := range hook.all() {
			require.False(t, a.at.After(answered), "an attempt after the answer")
		}

		restored := p.putOrganization(t, c.organization, `{}`)
		assert.Zero(t, restored.DeletedAt)
		assert.Equal(t, "before", restored.Name)
		eventually(t, "its keys are accepted", func() bool { return c.get(t, base).status == http.StatusOK })
		for _, id := range ids {
			hook.await(t, id, 1)
			assert.Zero(t, c.awaitStatus(t, id, success).RetryCount)
		}
	})
}

func TestEventTypesAreACatalogue(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		p, c := s.platform(t), s.organization(t)
		name := "catalogue." + c.organization
		path := "/v1/event-types/" + name
		c.call(t, request{method: http.MethodPut, path: path, body: "{}"}).refused(t, 403, "platform_key_required")
		p.call(t, request{method: http.MethodPut, path: "/v1/event-types/redrive.own", body: "{}"}).refused(t, 400, "reserved_event_type")
		put := p.call(t, request{method: http.MethodPut, path: path, body: `{"description":"d","sample":{"n":1.10}}`})
		require.Equal(t, http.StatusOK, put.status, "%s", put.body)
		assert.Contains(t, string(c.get(t, "/v1/event-types?limit=100").body), name)
		removed := p.call(t, request{method: http.MethodDelete, path: path})
		assert.Equal(t, http.StatusOK, removed.status)
		p.call(t, request{method: http.MethodDelete, path: path}).refused(t, 404, "event_type_not_found")
	})
}
