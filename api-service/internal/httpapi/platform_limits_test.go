package httpapi

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLimitsOfOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	s.put(t, key, organization, `{"limits": {"maxApiKeys": 3, "maxWaitingDeliveries": 2}}`)
	granted(t, s.call(t, "POST", keys, s.writer, `{"name": "third"}`))
	refused(t, s.call(t, "POST", keys, s.writer, `{"name": "fourth"}`), 400, "api_key_limit")

	s.endpoint(t, s.writer)
	first := s.delivery(t, s.writer)
	s.delivery(t, s.writer)
	for path, body := range map[string]string{base + "/events": publishBody, base + "/events/batch": `{"events": [` + publishBody + `]}`} {
		for _, a := range []answer{s.call(t, "POST", path, s.writer, body), s.call(t, "POST", path, key, body, actFor(organization))} {
			refused(t, a, 429, "backlog_limit")
			assert.NotEmpty(t, a.header.Get("Retry-After"))
		}
	}
	granted(t, s.call(t, "POST", deliveries+"/"+first+"/replay", s.writer, ""))
	s.put(t, key, organization, `{"limits": {"maxWaitingDeliveries": 4}}`)
	s.delivery(t, s.writer)
	refused(t, s.call(t, "POST", base+"/events", s.writer, publishBody), 429, "backlog_limit")
}

func TestRequestsPerSecondOfOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	s.put(t, key, organization, `{"limits": {"requestsPerSecond": 3}}`)
	s.put(t, key, "org_other", "")
	limited := serve(t, s.store, frozen(Limits{PerKey: 2}))
	granted(t, limited.call(t, "GET", base, s.reader, ""))
	granted(t, limited.call(t, "GET", base, s.writer, ""))
	granted(t, limited.call(t, "GET", base, key, "", actFor(organization)))
	f := refused(t, limited.call(t, "GET", base, s.reader, ""), 429, "rate_limited")
	assert.Contains(t, f.Message, "organization")
	refused(t, limited.call(t, "GET", base, key, "", actFor(organization)), 429, "rate_limited")
	// A platform key has its limit once for each organization.
	granted(t, limited.call(t, "GET", base, key, "", actFor("org_other")))
	granted(t, limited.call(t, "GET", base, key, "", actFor("org_other")))
	f = refused(t, limited.call(t, "GET", base, key, "", actFor("org_other")), 429, "rate_limited")
	assert.Contains(t, f.Message, "this API key")
}

func TestEndpointLimitOfOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	s.put(t, key, organization, `{"limits": {"maxEndpoints": 2}}`)
	first, _ := s.endpoint(t, s.writer)
	s.endpoint(t, s.writer)
	refused(t, s.call(t, "POST", base, s.writer, createBody), 400, "endpoint_limit")
	refused(t, s.call(t, "POST", base, key, createBody, actFor(organization)), 400, "endpoint_limit")
	refused(t, s.withKey(t, "k", "POST", base, createBody), 400, "endpoint_limit")
	granted(t, s.call(t, "POST", base+"/"+first+"/disable", s.writer, ""))
	refused(t, s.call(t, "POST", base, s.writer, createBody), 400, "endpoint_limit")
	granted(t, s.call(t, "DELETE", base+"/"+first, s.writer, ""))
	granted(t, s.withKey(t, "k", "POST", base, createBody))

	s.put(t, key, organization, `{"limits": {"maxEndpoints": 1}}`)
	refused(t, s.call(t, "POST", base, s.writer, createBody), 400, "endpoint_limit")
	granted(t, s.call(t, "GET", base, s.writer, ""))
	s.put(t, key, organization, `{"limits": {"maxEndpoints": 0}}`)
	granted(t, s.call(t, "POST", base, s.writer, createBody))
	s.put(t, key, organization, `{"limits": {"maxEndpoints": null}}`)
	granted(t, s.call(t, "POST", base, s.writer, createBody))
}

func TestAPIKeyLimitCountsValidKeysOnly(t *testing.T) {
	s := newService(t).withKeys(t)
	platform := s.platformKey(t)
	s.put(t, platform, organization, `{"limits": {"maxApiKeys": 3}}`)
	third := granted(t, s.call(t, "POST", keys, platform, `{"name": "third"}`, actFor(organization)))
	refused(t, s.call(t, "POST", keys, platform, `{"name": "fourth"}`, actFor(organization)), 400, "api_key_limit")
	granted(t, s.call(t, "DELETE", keys+"/"+third["id"].(string), s.writer, ""))
	granted(t, s.call(t, "POST", keys, s.writer, `{"name": "fourth"}`))
	refused(t, s.call(t, "POST", keys, s.writer, `{"name": "fifth"}`), 400, "api_key_limit")
	s.put(t, platform, organization, `{"limits": {"maxApiKeys": 1}}`)
	granted(t, s.call(t, "GET", keys, s.writer, ""))
	s.put(t, platform, organization, `{"limits": {"maxApiKeys": 0}}`)
	granted(t, s.call(t, "POST", keys, s.writer, `{"name": "fifth"}`))
}
