package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAuditLog(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	s.put(t, key, "org_new", "{}")
	made := granted(t, s.call(t, "POST", keys, s.writer, `{"name": "n"}`))
	granted(t, s.call(t, "DELETE", keys+"/"+made["id"].(string), s.writer, ""))
	granted(t, s.call(t, "GET", base, key, "", actFor("org_new")))
	granted(t, s.call(t, "POST", base+"/events", key, publishBody, actFor("org_new")))
	refused(t, s.call(t, "POST", base+"/events", key, "{}", actFor("org_new")), 400, "required")
	granted(t, s.call(t, "DELETE", tenants+"/org_new?confirm=org_new", key, ""))

	var actions []string
	for _, line := range s.lines(t) {
		if line["msg"] != "audit" {
			continue
		}
		actions = append(actions, line["action"].(string))
		assert.Regexp(t, `^key_`, line["actor"])
		assert.NotEmpty(t, line["requestId"])
		assert.NotEmpty(t, line["subject"])
		if line["action"] == "POST "+base+"/events" {
			assert.Equal(t, "org_new", line["organizationId"])
		}
	}
	assert.Equal(t, []string{"organization.put", "api_key.created", "api_key.revoked", "POST " + base + "/events", "organization.deleted"}, actions)
	assert.NotContains(t, s.log.String(), key)
}

// A change of an endpoint leaves one line, however it was made. A call that is refused or changes nothing leaves none, nor does a test.
func TestAuditLogOfEndpoints(t *testing.T) {
	s := newService(t).withKeys(t)
	made := granted(t, s.call(t, "POST", base, s.writer, fullBody))
	own, _ := made["endpoint"].(map[string]any)
	path := base + "/" + own["id"].(string)
	for _, action := range []string{"/pause", "/pause", "/resume", "/disable", "/disable", "/enable", "/regenerate-secret", "/test"} {
		granted(t, s.call(t, "POST", path+action, s.writer, ""))
	}
	s.patched(t, own["id"].(string), `{"description": "new"}`)
	s.patched(t, own["id"].(string), `{}`)
	refused(t, s.call(t, "PATCH", path, s.writer, `{"headers": {"X-A": "****"}}`), 400, "masked_value")
	refused(t, s.call(t, "POST", path+"/pause", s.reader, ""), 403, "read_only_key")
	refused(t, s.call(t, "POST", base, s.writer, `{}`), 400, "required")
	key := s.platformKey(t)
	granted(t, s.call(t, "POST", path+"/pause", key, "", actFor(organization)))
	granted(t, s.call(t, "POST", path+"/resume", s.writer, "", func(r *http.Request) { r.Header.Set("Idempotency-Key", "not a keyed call") }))
	for range 2 {
		granted(t, s.call(t, "POST", path+"/regenerate-secret", s.writer, "", func(r *http.Request) { r.Header.Set("Idempotency-Key", "k") }))
	}
	granted(t, s.call(t, "DELETE", path, s.writer, ""))
	refused(t, s.call(t, "DELETE", path, s.writer, ""), 404, "endpoint_not_found")

	var actions, actors []string
	for _, line := range s.lines(t) {
		if line["msg"] != "audit" {
			continue
		}
		actions = append(actions, strings.TrimPrefix(line["action"].(string), "endpoint."))
		actors = append(actors, line["actor"].(string))
		assert.Equal(t, own["id"], line["subject"])
		assert.Equal(t, organization, line["organizationId"])
		assert.NotEmpty(t, line["requestId"])
	}
	assert.Equal(t, []string{
		"created", "paused", "resumed", "disabled", "enabled", "secret_regenerated", "updated", "paused", "resumed", "secret_regenerated", "deleted",
	}, actions)
	assert.NotEqual(t, actors[0], actors[7], "the platform key has paused it")
	for _, secret := range []string{made["signingSecret"].(string), "canary", key, s.writer} {
		assert.NotContains(t, s.log.String(), secret)
	}
}
