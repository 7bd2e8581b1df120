package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

// platformKey creates a platform key and returns it raw.
func (s *service) platformKey(t *testing.T) string {
	t.Helper()
	key, raw := webhook.NewAPIKey(webhook.APIKeySpec{Name: "platform", Scope: webhook.ScopePlatform}, webhook.Now())
	require.NoError(t, s.store.CreateAPIKey(t.Context(), key))
	return raw.Reveal()
}

func (s *service) put(t *testing.T, key, id, body string) map[string]any {
	t.Helper()
	return granted(t, s.call(t, "PUT", tenants+"/"+id, key, body))
}

// actFor names the organization that a platform key acts for.
func actFor(id string) func(*http.Request) { return header("X-Org-ID", id) }

func twice(id string) func(*http.Request) {
	return func(r *http.Request) { r.Header["X-Org-Id"] = []string{id, id} }
}

// Every route of an organization is called with a platform key: without an organization, with an unknown and a deleted one, with one that
// does not own the resource, and with its owner.
func TestPlatformKeyOnRoutesOfOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	platform := s.platformKey(t)
	s.put(t, platform, "org_other", "")
	s.put(t, platform, "org_deleted", "")
	granted(t, s.call(t, "DELETE", tenants+"/org_deleted?confirm=org_deleted", platform, ""))
	tooLarge, plainText := strings.Repeat(" ", maxBatchBody+1), header("Content-Type", "text/plain")
	for _, r := range protected(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			own := s.resources(t)
			path := r.of(own)
			malformed := path + "?nonsense=x"
			if r.bodyLimit > 0 {
				refused(t, s.call(t, r.method, malformed, platform, tooLarge, plainText), 413, "body_too_large")
				refused(t, s.call(t, r.method, malformed, platform, "{", plainText), 415, "unsupported_media_type")
			}
			for name, missing := range map[string]func(*http.Request){"none": func(*http.Request) {}, "empty": actFor(""), "two": twice(organization)} {
				f := refused(t, s.call(t, r.method, malformed, platform, r.body(), missing), 400, "organization_required")
				assert.Equal(t, "X-Org-ID", f.Details[0].Field, name)
			}
			for _, unknown := range []string{"org_unknown", "org_deleted", "no id", strings.ToUpper(organization), "\xff\xfe", strings.Repeat("x", 5000)} {
				f := refused(t, s.call(t, r.method, malformed, platform, r.body(), actFor(unknown)), 404, "organization_not_found")
				assert.Equal(t, "X-Org-ID", f.Details[0].Field)
			}
			refused(t, s.call(t, r.method, malformed, platform, r.body(), actFor(organization)), 400, "unknown_parameter")
			if r.hasID() {
				refused(t, s.call(t, r.method, path, platform, r.body(), actFor("org_other")), 404, notFoundReasons[r.row(t).kind])
			}
			answered := s.call(t, r.method, path, platform, r.body(), actFor(organization))
			if answered.status != 400 || !strings.Contains(string(answered.body), "delivery_not_") {
				granted(t, answered)
			}
		})
	}
	assert.Empty(t, granted(t, s.call(t, "GET", base, platform, "", actFor("org_other")))["items"])
}

// platformBodies has a valid body of each route that is about all organizations, and of the one that every key may use.
var platformBodies = map[string]string{
	"GET " + tenants:             "",
	"GET " + tenants + "/:id":    "",
	"PUT " + tenants + "/:id":    `{"name": "Acme"}`,
	"DELETE " + tenants + "/:id": "",
	"GET " + types:               "",
	"PUT " + types + "/:name":    `{"description": "A run ended."}`,
	"DELETE " + types + "/:name": "",
	"GET /v1/lookup":             "",
}

func ofPlatform(t *testing.T) []route {
	t.Helper()
	var list []route
	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		if r.access == platform || r.access == anyKey {
			require.Contains(t, platformBodies, r.method+" "+r.path)
			list = append(list, r)
		}
	}
	require.Len(t, platformBodies, len(list), "there is a body without a route")
	return list
}

// example returns the route's path with an ID of something that exists, and the query that it needs.
func (r route) example() string {
	path := strings.NewReplacer(":id", "acme", ":name", "run.finished").Replace(r.path)
	if path == "/v1/lookup" {
		return path + "?id=acme"
	}
	if r.method == http.MethodDelete && strings.HasPrefix(path, tenants) {
		path += "?confirm=acme"
	}
	return path
}

func TestPlatformRoutesNeedPlatformKey(t *testing.T) {
	s := newService(t).withKeys(t)
	platform := s.platformKey(t)
	withoutDatabase := serve(t, storetest.OpenPostgres(t, "postgres://user@127.0.0.1:1/nothing"))
	limited := serve(t, s.store, frozen(Limits{PerKey: 1}))
	granted(t, limited.call(t, "GET", tenants, platform, ""))
	s.put(t, platform, "gone", "{}")
	_, err := s.store.DeleteOrganization(t.Context(), "gone", webhook.Now(), webhook.Now())
	require.NoError(t, err)
	for _, r := range ofPlatform(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			s.put(t, platform, "acme", "{}")
			granted(t, s.call(t, "PUT", types+"/run.finished", platform, "{}"))
			path, body := r.example(), platformBodies[r.method+" "+r.path]
			refused(t, s.call(t, r.method, path, "", body), 401, "unauthenticated")
			refused(t, limited.call(t, r.method, path, platform, body), 429, "rate_limited")
			for _, key := range []string{s.reader, s.writer} {
				answered := s.call(t, r.method, path, key, body, actFor("org_other"))
				if r.access == anyKey {
					granted(t, answered)
					continue
				}
				refused(t, answered, 403, "platform_key_required")
				refused(t, s.call(t, r.method, path, key, "{", header("Content-Type", "text/plain")), 403, "platform_key_required")
			}
			granted(t, s.call(t, r.method, path, platform, body, actFor("org_unknown")))

			given := map[int]bool{200: true, 401: true, 429: true, 403: true}
			for _, a := range []answer{
				s.call(t, r.method, strings.NewReplacer("acme", "unknown-"+r.method, "run.finished", "run.unknown").Replace(path), platform, body),
				s.call(t, r.method, strings.NewReplacer("acme", "-", "run.finished", "redrive.test").Replace(path), platform, body),
				s.call(t, r.method, strings.ReplaceAll(path, "acme", "gone"), platform, body),
				s.call(t, r.method, path+"?limit=x", platform, body),
				s.call(t, r.method, path, platform, strings.Repeat(" ", maxBody+1)),
				s.call(t, r.method, path, platform, "{}", header("Content-Type", "text/plain")),
				withoutDatabase.call(t, r.method, path, platform, body),
			} {
				given[a.status] = true
			}
			for _, status := range document(t).Paths.Value(r.documented()).GetOperation(r.method).Responses.Keys() {
				number, err := strconv.Atoi(status)
				require.NoError(t, err)
				assert.True(t, given[number], "%s is documented and was not given", status)
				delete(given, number)
			}
			assert.Empty(t, given, "given and not documented")
		})
	}
}

func TestPutOrganization(t *testing.T) {
	s := newService(t)
	key := s.platformKey(t)
	limitsOf := func(data map[string]any) map[string]any { return data["limits"].(map[string]any) }
	defaults := map[string]any{"maxEndpoints": 500.0, "maxApiKeys": 100.0, "maxWaitingDeliveries": 0.0, "requestsPerSecond": 0.0}

	made := s.put(t, key, "acme.example-1", "")
	assert.Equal(t, "acme.example-1", made["name"])
	assert.Equal(t, map[string]any{}, made["metadata"])
	assert.Equal(t, defaults, limitsOf(made))
	assert.NotContains(t, made, "deletedAt")
	assert.NotContains(t, made, "usage")

	changed := s.put(t, key, "acme.example-1", `{"name": "Acme", "metadata": {"plan": "gold"}, "limits": {"maxEndpoints": 0, "maxApiKeys": 7}}`)
	assert.Equal(t, map[string]any{"maxEndpoints": 0.0, "maxApiKeys": 7.0, "maxWaitingDeliveries": 0.0, "requestsPerSecond": 0.0}, limitsOf(changed))
	kept := s.put(t, key, "acme.example-1", `{"limits": {"maxWaitingDeliveries": 9, "maxApiKeys": null}}`)
	assert.Equal(t, "Acme", kept["name"])
	assert.Equal(t, map[string]any{"plan": "gold"}, kept["metadata"])
	assert.Equal(t, map[string]any{"maxEndpoints": 0.0, "maxApiKeys": 100.0, "maxWaitingDeliveries": 9.0, "requestsPerSecond": 0.0}, limitsOf(kept))
	assert.Equal(t, made["createdAt"], kept["createdAt"])
	reset := s.put(t, key, "acme.example-1", `{"name": null, "metadata": null, "limits": null}`)
	assert.Equal(t, "acme.example-1", reset["name"])
	assert.Equal(t, map[string]any{}, reset["metadata"])
	assert.Equal(t, defaults, limitsOf(reset))

	for body, reason := range map[string]string{
		`{"limits": {"maxEndpoints": -1}}`: "out_of_range", `{"limits": {"maxEndpoints": "1"}}`: "invalid_type", `{"limits": {"max": 1}}`: "unknown_field",
		`{"name": ""}`: "required", `{"name": 1}`: "invalid_type", `{"metadata": {"a": 1}}`: "invalid_type", `{"id": "x"}`: "unknown_field",
		`{"name": "a", "name": "b"}`: "duplicate_field", `[]`: "invalid_type", `{"limits": 1}`: "invalid_type",
	} {
		refused(t, s.call(t, "PUT", tenants+"/acme.example-1", key, body), 400, reason)
	}
	for _, id := range []string{"-a", ".a", "a%20b", "a%00", "%ff", strings.Repeat("a", 129)} {
		refused(t, s.call(t, "PUT", tenants+"/"+id, key, "{}"), 400, "invalid_id")
	}
}

func TestOrganizationsWalk(t *testing.T) {
	s := newService(t)
	key := s.platformKey(t)
	for _, id := range []string{"c", "a", "b"} {
		s.put(t, key, id, `{"name": "Customer `+id+`"}`)
	}
	page := granted(t, s.call(t, "GET", tenants+"?limit=2&q=customer", key, ""))
	assert.NotContains(t, page, "offset")
	require.Equal(t, true, page["hasMore"])
	last := granted(t, s.call(t, "GET", tenants+"?limit=2&q=customer&cursor="+page["nextCursor"].(string), key, ""))
	assert.Equal(t, false, last["hasMore"])
	var ids []string
	for _, item := range append(page["items"].([]any), last["items"].([]any)...) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	assert.Equal(t, []string{"a", "b", "c"}, ids)
	refused(t, s.call(t, "GET", tenants+"?cursor="+page["nextCursor"].(string), key, ""), 400, "invalid_cursor")
	refused(t, s.call(t, "GET", tenants+"?offset=1", key, ""), 400, "unknown_parameter")
	refused(t, s.call(t, "GET", tenants+"?q=", key, ""), 400, "required")
	usage := granted(t, s.call(t, "GET", tenants+"/a", key, ""))["usage"]
	assert.Equal(t, map[string]any{"endpoints": 0.0, "failingEndpoints": 0.0, "apiKeys": 0.0, "waiting": 0.0}, usage)
}

func TestDeleteAndRestoreOrganization(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	endpointID, _ := s.endpoint(t, s.writer)
	own := tenants + "/" + organization
	refused(t, s.call(t, "DELETE", own, key, ""), 400, "confirmation_required")
	refused(t, s.call(t, "DELETE", own+"?confirm=org_other", key, ""), 400, "confirmation_required")
	granted(t, s.call(t, "GET", base, s.writer, ""))

	began := time.Now()
	deleted := granted(t, s.call(t, "DELETE", own+"?confirm="+organization, key, ""))
	assert.GreaterOrEqual(t, time.Since(began), 500*time.Millisecond, "no attempt starts after the answer")
	assert.Contains(t, deleted, "deletedAt")
	refused(t, s.call(t, "GET", base, s.writer, ""), 401, "unauthenticated")
	refused(t, s.call(t, "GET", base, key, "", actFor(organization)), 404, "organization_not_found")
	assert.Equal(t, deleted["deletedAt"], granted(t, s.call(t, "GET", own, key, ""))["deletedAt"])
	assert.Len(t, granted(t, s.call(t, "GET", tenants+"?q="+organization, key, ""))["items"], 1)

	restored := s.put(t, key, organization, "")
	assert.NotContains(t, restored, "deletedAt")
	granted(t, s.call(t, "GET", base+"/"+endpointID, s.writer, ""))
	granted(t, s.call(t, "GET", base+"/"+endpointID, key, "", actFor(organization)))

	_, err := s.store.DeleteOrganization(t.Context(), organization, webhook.Now(), webhook.Now())
	require.NoError(t, err)
	refused(t, s.call(t, "PUT", own, key, "{}"), 409, "organization_erasing")
}

func TestEventTypes(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	path := types + "/run.finished"
	made := granted(t, s.call(t, "PUT", path, key, `{"description": "A run ended.", "sample": {"n": 1.50, "x": null}}`))
	assert.Equal(t, "run.finished", made["name"])
	assert.Equal(t, false, made["deprecated"])
	changed := granted(t, s.call(t, "PUT", path, key, `{"deprecated": true, "description": null}`))
	assert.Equal(t, true, changed["deprecated"])
	assert.NotContains(t, changed, "description")
	list := s.call(t, "GET", types, s.reader, "")
	assert.Contains(t, string(list.body), `"sample":{"n":1.50,"x":null}`, "as it was given")
	assert.NotContains(t, granted(t, s.call(t, "PUT", path, key, `{"sample": null}`)), "sample")

	refused(t, s.call(t, "PUT", types+"/redrive.test", key, "{}"), 400, "reserved_event_type")
	refused(t, s.call(t, "PUT", types+"/a%20b", key, "{}"), 400, "invalid_event_type")
	refused(t, s.call(t, "PUT", path, key, `{"sample": []}`), 400, "invalid_type")
	refused(t, s.call(t, "PUT", path, key, `{"sample": {"a": "`+strings.Repeat("x", 64<<10)+`"}}`), 400, "too_long")
	granted(t, s.call(t, "DELETE", path, key, ""))
	refused(t, s.call(t, "DELETE", path, key, ""), 404, "event_type_not_found")
}

func TestRevokeDescendants(t *testing.T) {
	s := newService(t).withKeys(t)
	create := func(key string, change ...func(*http.Request)) (id, raw string) {
		made := granted(t, s.call(t, "POST", keys, key, `{"name": "n", "scope": "read-write"}`, change...))
		return made["id"].(string), made["key"].(string)
	}
	id, raw := create(s.writer)
	_, child := create(raw)
	refused(t, s.call(t, "DELETE", keys+"/"+id+"?descendants=yes", s.writer, ""), 400, "out_of_range")
	granted(t, s.call(t, "DELETE", keys+"/"+id+"?descendants=true", s.writer, ""))
	refused(t, s.call(t, "GET", base, raw, ""), 401, "unauthenticated")
	refused(t, s.call(t, "GET", base, child, ""), 401, "unauthenticated")

	platform := s.platformKey(t)
	s.put(t, platform, "org_new", "{}")
	lastID, last := create(platform, actFor("org_new"))
	refused(t, s.call(t, "DELETE", keys+"/"+lastID, last, ""), 400, "last_read_write_key")
	granted(t, s.call(t, "DELETE", keys+"/"+lastID, platform, "", actFor("org_new")))
}

func TestTestDeliveryTakesSampleOfCatalogue(t *testing.T) {
	s := newService(t).withKeys(t)
	key := s.platformKey(t)
	granted(t, s.call(t, "PUT", "/v1/event-types/run.finished", key, `{"sample": {"n": 1.50, "a": null}}`))
	for body, want := range map[string]string{
		`{"eventType": "run.finished"}`:             `{"n":1.50,"a":null}`,
		`{"eventType": "run.finished", "data": {}}`: `{}`,
		`{"eventType": "run.started"}`:              `{"message":"This is a test of your webhook endpoint."}`,
		``:                                          `{"message":"This is a test of your webhook endpoint."}`,
	} {
		endpoint, _ := granted(t, s.call(t, "POST", base, s.writer, createBody))["endpoint"].(map[string]any)
		answer := s.call(t, "POST", base+"/"+endpoint["id"].(string)+"/test", s.writer, body)
		var sent struct {
			Data struct {
				RequestBody struct{ Data json.RawMessage }
			}
		}
		require.NoError(t, json.Unmarshal(answer.body, &sent))
		assert.JSONEq(t, want, string(sent.Data.RequestBody.Data), body)
	}
}
