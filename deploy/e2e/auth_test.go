package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

const nobodys = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

// consoles is the path of console sessions.
const consoles = "/v1/console-sessions"

// operation is an operation of the API on resources that need not exist.
type operation struct {
	method, path, body string
}

// operations are those of an organization.
func operations() []operation {
	id := "/ep_" + nobodys
	one := deliveries + "/dlv_" + nobodys
	return []operation{
		{http.MethodGet, base, ""},
		{http.MethodPost, base, `{"name":"n","url":"https://example.com/hook"}`},
		{http.MethodGet, base + id, ""},
		{http.MethodPost, base + id + "/disable", ""},
		{http.MethodPost, base + id + "/enable", ""},
		{http.MethodPost, base + id + "/regenerate-secret", ""},
		{http.MethodPost, base + id + "/pause", ""},
		{http.MethodPost, base + id + "/resume", ""},
		{http.MethodPost, base + id + "/test", ""},
		{http.MethodPatch, base + id, "{}"},
		{http.MethodDelete, base + id, ""},
		{http.MethodGet, base + id + "/changes", ""},
		{http.MethodGet, base + "/changes", ""},
		{http.MethodGet, base + id + "/stats", ""},
		{http.MethodGet, base + "/stats", ""},
		{http.MethodGet, deliveries, ""},
		{http.MethodGet, one, ""},
		{http.MethodGet, one + "/attempts", ""},
		{http.MethodGet, one + "/explain", ""},
		{http.MethodPost, one + "/retry", ""},
		{http.MethodPost, one + "/replay", ""},
		{http.MethodPost, base + "/events", `{"eventType":"a","data":{}}`},
		{http.MethodGet, base + "/events", ""},
		{http.MethodGet, base + "/events/evt_" + nobodys, ""},
		{http.MethodPost, base + "/events/evt_" + nobodys + "/deliver", `{"endpointId":"ep_` + nobodys + `"}`},
		{http.MethodPost, one + "/cancel", ""},
		{http.MethodGet, base + "/bulk-jobs", ""},
		{http.MethodPost, base + "/bulk-jobs", `{"action":"retry","filter":{"status":"failure"}}`},
		{http.MethodPost, base + "/bulk-jobs/plan", `{"action":"retry","filter":{"status":"failure"}}`},
		{http.MethodGet, base + "/bulk-jobs/job_" + nobodys, ""},
		{http.MethodPost, base + "/bulk-jobs/job_" + nobodys + "/cancel", ""},
		{http.MethodGet, apiKeys, ""},
		{http.MethodPost, apiKeys, `{"name":"n"}`},
		{http.MethodGet, apiKeys + "/key_" + nobodys, ""},
		{http.MethodDelete, apiKeys + "/key_" + nobodys, ""},
		{http.MethodGet, consoles, ""},
		{http.MethodPost, consoles, "{}"},
		{http.MethodGet, consoles + "/ses_" + nobodys, ""},
		{http.MethodDelete, consoles + "/ses_" + nobodys, ""},
		{http.MethodPost, base + "/events/batch", `{"events":[{"eventType":"a","data":{}}]}`},
	}
}

// of returns the path with the IDs of a delivery, its event, an endpoint and a key.
func (o operation) of(d delivery, endpointID, keyID string) string {
	return strings.NewReplacer(
		"dlv_"+nobodys, d.ID, "evt_"+nobodys, eventOf(d), "ep_"+nobodys, endpointID, "key_"+nobodys, keyID,
	).Replace(o.path)
}

// eventOf returns the ID of a delivery's event.
func eventOf(d delivery) string {
	var body struct{ ID string }
	_ = json.Unmarshal(d.RequestBody, &body) // an answer has it
	return body.ID
}

// platformOperations are those of a platform, and of every key.
func platformOperations() []operation {
	const types = "/v1/event-types"
	one := organizations + "/" + nobodys
	return []operation{
		{http.MethodGet, organizations, ""},
		{http.MethodGet, one, ""},
		{http.MethodPut, one, "{}"},
		{http.MethodDelete, one + "?confirm=" + nobodys, ""},
		{http.MethodGet, types, ""},
		{http.MethodPut, types + "/a", "{}"},
		{http.MethodDelete, types + "/a", ""},
		{http.MethodGet, "/v1/lookup?id=ep_" + nobodys, ""},
	}
}

func TestRequestWithoutAValidKeyIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		key := s.stack.Key()
		flipped := key[:len(key)-1] + map[bool]string{true: "b", false: "a"}[strings.HasSuffix(key, "a")]
		for name, values := range map[string][]string{
			"no header":          nil,
			"empty":              {""},
			"no scheme":          {key},
			"another scheme":     {"Basic " + key},
			"no key":             {"Bearer"},
			"an empty key":       {"Bearer "},
			"a word":             {"Bearer secret"},
			"a changed key":      {"Bearer " + flipped},
			"a longer key":       {"Bearer " + key + "x"},
			"two keys":           {"Bearer " + key, "Bearer " + key},
			"a key and a word":   {"Bearer " + key + " x"},
			"a key in Latin-1":   {"Bearer \xe9\xff"},
			"ten thousand bytes": {"Bearer rdk_" + strings.Repeat("a", 10_000)},
		} {
			t.Run(name, func(t *testing.T) {
				for _, o := range append(operations(), platformOperations()...) {
					answer := s.client("", "").call(t, request{method: o.method, path: o.path, body: o.body, header: http.Header{"Authorization": values}})
					p := answer.refused(t, 401, "unauthenticated")
					assert.NotContains(t, toJSON(t, p), key)
					assert.Contains(t, answer.header.Get("WWW-Authenticate"), "Bearer")
				}
			})
		}
	})
}

func TestRevokedKeyIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		line, ok := s.stack.(stack.CommandLine)
		if !ok {
			t.Skip("this stack has no command line to revoke a key with")
		}
		c := s.organization(t)
		require.Equal(t, http.StatusOK, c.get(t, base).status)
		table, err := line.Command("keys", "list", "--organization", c.organization)
		require.NoError(t, err)
		assert.NotContains(t, table, c.key)
		rows := strings.Split(strings.TrimSpace(table), "\n")
		require.Len(t, rows, 2, table)
		_, err = line.Command("keys", "revoke", strings.Fields(rows[1])[0])
		require.NoError(t, err)
		eventually(t, "it is refused", func() bool { return c.get(t, base).status == http.StatusUnauthorized })
		c.get(t, base).refused(t, 401, "unauthenticated")
	})
}

func TestReadKeyCannotWrite(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(500))
		target := c.endpoint(t, url, 0)
		failed := c.failed(t)
		reader := s.client(c.organization, s.stack.NewKey(t, c.organization, stack.Read))
		assert.Equal(t, failed, reader.delivery(t, failed.ID))
		assert.Equal(t, target, reader.find(t, target.ID))
		own := reader.listKeys(t)[0]
		for _, o := range operations() {
			path := o.of(failed, target.ID, own.ID)
			answer := reader.call(t, request{method: o.method, path: path, body: o.body})
			switch {
			case path == base+"/bulk-jobs/job_"+nobodys && o.method == http.MethodGet:
				answer.refused(t, 404, "bulk_job_not_found")
			case path == consoles+"/ses_"+nobodys && o.method == http.MethodGet:
				answer.refused(t, 404, "console_session_not_found")
			case o.method == http.MethodGet || path == base+"/bulk-jobs/plan":
				assert.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
			default:
				answer.refused(t, 403, "read_only_key")
			}
		}
		assert.Equal(t, failed, c.delivery(t, failed.ID))
		assert.Equal(t, target, c.find(t, target.ID))
	})
}

func TestOrganizationHeaderMustMatchTheKey(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for _, o := range operations() {
			answer := c.call(t, request{method: o.method, path: o.path, body: o.body, header: http.Header{"X-Org-Id": {"somebody-else"}}})
			answer.refused(t, 403, "organization_mismatch")
		}
		answer := c.call(t, request{method: http.MethodGet, path: base, header: http.Header{"X-Org-Id": {c.organization}}})
		assert.Equal(t, http.StatusOK, answer.status)
	})
}

// The order of checks is 401, 403, 404 of the route, 400, 404 of the resource. A refused caller therefore learns nothing about later ones.
func TestKeyIsCheckedBeforeTheRequest(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		reader := s.client(c.organization, s.stack.NewKey(t, c.organization, stack.Read))
		nobody := s.client("", "")
		malformed := request{method: http.MethodPost, path: deliveries + "/x/retry", body: "{", wrong: true}
		nobody.call(t, malformed).refused(t, 401, "unauthenticated")
		reader.call(t, malformed).refused(t, 403, "read_only_key")
		c.call(t, malformed).refused(t, 400, "invalid_id")

		unknown := request{method: http.MethodPost, path: "/v1/nothing"}
		nobody.call(t, unknown).refused(t, 401, "unauthenticated")
		c.call(t, unknown).refused(t, 404, "route_not_found")

		missing := request{method: http.MethodPost, path: deliveries + "/dlv_" + nobodys + "/retry", body: "{", wrong: true}
		c.call(t, missing).refused(t, 400, "malformed_json")
	})
}

func TestAuthorizationSchemeIgnoresCase(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		answer := s.client("", "").call(t, request{method: http.MethodGet, path: base, header: http.Header{"Authorization": {"bearer " + s.stack.Key()}}})
		assert.Equal(t, http.StatusOK, answer.status)
	})
}

func TestRequestIDIsKeptIfValid(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		ask := func(id string) string {
			answer := c.call(t, request{method: http.MethodGet, path: base, header: http.Header{"X-Request-Id": {id}}})
			return answer.header.Get("X-Request-Id")
		}
		assert.Equal(t, "trace-1.a_B", ask("trace-1.a_B"))
		for _, odd := range []string{strings.Repeat("x", 10_000), "a b", `a"b`, "é", "<script>"} {
			assert.Regexp(t, `^req_[0-9A-Z]{26}$`, ask(odd))
		}
	})
}
