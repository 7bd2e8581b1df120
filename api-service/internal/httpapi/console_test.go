package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// withPages is a service whose console has one page. It makes a request of the API as the identity, and answers with its answer.
func withPages(t *testing.T, identity webhook.Identity, method, path, body string) *service {
	t.Helper()
	return newService(t, func(d *Dependencies) {
		d.ConsoleURL = "/redrive/console"
		d.Pages = func(api Console) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner, err := http.NewRequestWithContext(r.Context(), method, path, strings.NewReader(body))
				assert.NoError(t, err)
				inner.Header.Set("Content-Type", "application/json")
				answer := httptest.NewRecorder()
				api.ServeAs(identity, answer, inner)
				w.WriteHeader(answer.Code)
				_, _ = w.Write(answer.Body.Bytes())
			})
		}
	})
}

func TestConsoleActsAsItsSession(t *testing.T) {
	of := webhook.Organization{ID: organization}
	reader := webhook.Identity{Key: webhook.APIKey{ID: "ses_1 (jane)", OrganizationID: organization, Scope: webhook.ScopeRead}, Organization: of}
	writer := webhook.Identity{Key: webhook.APIKey{ID: "ses_1 (jane)", OrganizationID: organization, Scope: webhook.ScopeReadWrite}, Organization: of}
	operator := webhook.Identity{Key: webhook.APIKey{ID: webhook.ByOperator, Scope: webhook.ScopePlatform, KeyPrefix: "rpk_"}}
	for name, c := range map[string]struct {
		identity     webhook.Identity
		method, path string
		status       int
		reason       string
	}{
		"read":                 {reader, "GET", base, 200, ""},
		"read-only":            {reader, "POST", base, 403, "read_only_key"},
		"write":                {writer, "POST", base, 200, ""},
		"all organizations":    {writer, "GET", tenants, 403, "platform_key_required"},
		"operator":             {operator, "GET", tenants, 200, ""},
		"a route of no page":   {reader, "GET", "/v1/nothing", 404, "route_not_found"},
		"an unknown parameter": {reader, "GET", base + "?x=1", 400, "unknown_parameter"},
		"links make no links":  {writer, "POST", "/v1/console-sessions", 403, "api_key_required"},
		"another organization": {reader, "GET", base + "/" + webhook.NewID(webhook.KindEndpoint, webhook.Now()), 404, "endpoint_not_found"},
	} {
		body := ""
		if c.method == "POST" && c.path == base {
			body = createBody
		} else if c.method == "POST" {
			body = "{}"
		}
		s := withPages(t, c.identity, c.method, c.path, body)
		a := s.call(t, "GET", "/console/page", "", "")
		assert.Equal(t, c.status, a.status, "%s: %s", name, a.body)
		if c.reason != "" {
			assert.Contains(t, string(a.body), c.reason, name)
		}
		assert.Equal(t, 1, strings.Count(s.log.String(), `"msg":"request"`), "%s: the request of the page is logged, and that of the API is not", name)
		if c.status == 200 && c.method == "POST" {
			assert.Contains(t, s.log.String(), `"msg":"audit","actor":"ses_1 (jane)","action":"endpoint.created"`, name)
		}
	}
}

func TestConsoleIdentityCannotBeSent(t *testing.T) {
	s := withPages(t, webhook.Identity{}, "GET", base, "")
	for _, name := range []string{"Identity", "X-Identity", "identityKey", "X-Console"} {
		refused(t, s.call(t, "GET", base, "", "", header(name, organization)), 401, "unauthenticated")
	}
}

func TestRootLeadsToTheConsole(t *testing.T) {
	s := withPages(t, webhook.Identity{}, "GET", base, "")
	a := s.call(t, "GET", "/", "", "", header("Accept", browsersAccept))
	require.Equal(t, 302, a.status)
	assert.Equal(t, "/redrive/console", a.header.Get("Location"), "with the path of the public address")
}

func TestWithoutConsoleItsPathIsNoRoute(t *testing.T) {
	s := newService(t).withKeys(t)
	refused(t, s.call(t, "GET", "/console", s.reader, ""), 404, "route_not_found")
	refused(t, s.call(t, "GET", "/console/login", "", ""), 401, "unauthenticated")
}
