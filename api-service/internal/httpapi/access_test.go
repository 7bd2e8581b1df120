package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// Every route is called with every kind of missing permission, with existing IDs.
func TestRoutesUnauthorizedRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	unknown := "rdk_0000000000000000000000000000000000000000000" + "000000"
	_, neverStored := webhook.NewAPIKey(webhook.APIKeySpec{}, webhook.Now())
	readWrite := webhook.APIKeySpec{Scope: webhook.ScopeReadWrite}
	revoked := s.newKey(t, readWrite, func(k *webhook.APIKey) { k.RevokedAt = webhook.Now().Add(-time.Second) })
	expired := s.newKey(t, readWrite, func(k *webhook.APIKey) { k.ExpiresAt = webhook.Now().Add(-time.Second) })

	authorization := func(value string) func(*http.Request) { return header("Authorization", value) }
	for name, credentials := range map[string]func(*http.Request){
		"no key":                func(*http.Request) {},
		"an empty header":       authorization(""),
		"the scheme alone":      authorization("Bearer"),
		"the scheme and spaces": authorization("Bearer   "),
		"another scheme":        func(r *http.Request) { r.SetBasicAuth("operator", s.writer) },
		"no scheme":             authorization(s.writer),
		"a scheme run together": authorization("Bearer" + s.writer),
		"a malformed key":       authorization("Bearer rdk_x"),
		"a wrong checksum":      authorization("Bearer " + unknown),
		"a long key":            authorization("Bearer " + strings.Repeat("k", 10_000)),
		"an unknown key":        authorization("Bearer " + neverStored.Reveal()),
		"a revoked key":         authorization("Bearer " + revoked),
		"an expired key":        authorization("Bearer " + expired),
		"two keys in one":       authorization("Bearer " + s.writer + ", Bearer " + s.writer),
		"something behind it":   authorization("Bearer " + s.writer + " x"),
		"two headers": func(r *http.Request) {
			r.Header["Authorization"] = []string{"Bearer " + s.writer, "Bearer " + s.writer}
		},
		"the key in the query": func(r *http.Request) { r.URL.RawQuery = "access_token=" + s.writer },
		"X-Org-ID alone":       header("X-Org-ID", organization),
	} {
		t.Run(name, func(t *testing.T) {
			for _, r := range protected(t) {
				refused(t, s.call(t, r.method, r.of(own), "", r.body(), credentials), 401, "unauthenticated")
			}
		})
	}

	for _, r := range protected(t) {
		path := r.of(own)
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			refused(t, s.call(t, r.method, path, s.writer, r.body(), header("X-Org-ID", "org_other")), 403, "organization_mismatch")
			refused(t, s.call(t, r.method, path, s.writer, r.body(), header("X-Org-ID", strings.ToUpper(organization))), 403, "organization_mismatch")
			if r.access == write {
				refused(t, s.call(t, r.method, path, s.reader, r.body()), 403, "read_only_key")
				// A read key gets the same refusal for every body.
				refused(t, s.call(t, r.method, r.of(nil), s.reader, "{"), 403, "read_only_key")
			} else {
				granted(t, s.call(t, r.method, path, s.reader, r.body()))
			}
			assert.NotEqual(t, 403, s.call(t, r.method, path, s.writer, r.body(), header("X-Org-ID", organization)).status)
		})
	}
	found, err := s.store.FindEndpointEver(t.Context(), organization, own[webhook.KindEndpoint])
	require.NoError(t, err)
	assert.Equal(t, webhook.EndpointActive, found.Status, "the last to succeed was enable")
}

// A resource of another organization gets the same answer as one that does not exist, and is not changed.
func TestOtherOrganizationsResourceNotFound(t *testing.T) {
	s := newService(t).withKeys(t)
	otherKey := s.newKey(t, webhook.APIKeySpec{OrganizationID: "org_other", Scope: webhook.ScopeReadWrite})
	own, none := s.resources(t), missingResources()
	endpointID, deliveryID := own[webhook.KindEndpoint], own[webhook.KindDelivery]
	s.fail(t, deliveryID)
	before := s.call(t, "GET", deliveries+"/"+deliveryID, s.reader, "").body
	keyBefore := s.call(t, "GET", keys+"/"+own[webhook.KindAPIKey], s.reader, "").body

	same := header("X-Request-Id", "same")
	for _, r := range protected(t) {
		if !r.hasID() {
			continue
		}
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			reason := notFoundReasons[r.row(t).kind]
			ofAnother := s.call(t, r.method, r.of(own), otherKey, r.body(), same)
			missing := s.call(t, r.method, r.of(none), otherKey, r.body(), same)
			refused(t, ofAnother, 404, reason)
			refused(t, missing, 404, reason)
			anonymous := strings.NewReplacer(own[r.row(t).kind], "ID", none[r.row(t).kind], "ID")
			assert.Equal(t, anonymous.Replace(string(missing.body)), anonymous.Replace(string(ofAnother.body)))
			missing.header.Del("Date")
			missing.header.Del("Content-Length")
			ofAnother.header.Del("Date")
			ofAnother.header.Del("Content-Length")
			assert.Equal(t, missing.header, ofAnother.header)
		})
	}
	var organizations []string
	for _, item := range granted(t, s.call(t, "GET", keys, otherKey, ""))["items"].([]any) {
		organizations = append(organizations, item.(map[string]any)["organizationId"].(string))
	}
	assert.Equal(t, []string{"org_other"}, organizations, "only the key of org_other")
	for _, list := range []string{base, deliveries, deliveries + "?endpointId=" + endpointID} {
		assert.Empty(t, granted(t, s.call(t, "GET", list, otherKey, ""))["items"], list)
	}
	published := granted(t, s.call(t, "POST", base+"/events", otherKey, publishBody))
	assert.Empty(t, published["deliveries"], "an event reaches only the endpoints of its organization")
	assert.NotNil(t, published["deliveries"])

	after := s.call(t, "GET", deliveries+"/"+deliveryID, s.reader, "").body
	assert.JSONEq(t, withoutRequestID(t, before), withoutRequestID(t, after))
	keyAfter := s.call(t, "GET", keys+"/"+own[webhook.KindAPIKey], s.reader, "").body
	assert.JSONEq(t, withoutRequestID(t, keyBefore), withoutRequestID(t, keyAfter))
}

func withoutRequestID(t *testing.T, body []byte) string {
	t.Helper()
	return string(requestIDs.ReplaceAll(body, nil))
}

func TestUnknownRouteOrMethodRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, path := range []string{"/", "/v1", "/v2/execution-webhooks", base + "/a/b", base + "/deliveries/a/b/c", "/queues", "/queues/", "/metrics", "/livez", "//v1/execution-webhooks", base + "x"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			refused(t, s.call(t, method, path, "", ""), 401, "unauthenticated")
			refused(t, s.call(t, method, path, s.reader, ""), 404, "route_not_found")
		}
	}

	allowed := map[string][]string{}
	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		allowed[r.path] = append(allowed[r.path], r.methods()...)
	}
	for path, methods := range allowed {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} {
			if slices.Contains(methods, method) {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				url := strings.NewReplacer(":id", "x", ":name", "x").Replace(path)
				assert.Equal(t, 401, s.call(t, method, url, "", "").status)

				answered := s.call(t, method, url, s.reader, "")
				assert.ElementsMatch(t, append([]string{"OPTIONS"}, methods...), strings.Split(answered.header.Get("Allow"), ", "))
				if method == "HEAD" {
					assert.Equal(t, 405, answered.status)
					assert.Empty(t, answered.body)
					assert.NotEmpty(t, answered.header.Get("X-Request-Id"))
				} else {
					refused(t, answered, 405, "method_not_allowed")
				}
			})
		}
		t.Run("OPTIONS "+path, func(t *testing.T) {
			url := strings.NewReplacer(":id", "x", ":name", "x").Replace(path)
			answered := s.call(t, "OPTIONS", url, s.reader, "")
			assert.Equal(t, 204, answered.status)
			assert.ElementsMatch(t, append([]string{"OPTIONS"}, methods...), strings.Split(answered.header.Get("Allow"), ", "))
			assert.Equal(t, 401, s.call(t, "OPTIONS", url, "", "").status)
		})
	}
	refused(t, s.call(t, "QUERY", base, s.reader, ""), 405, "method_not_allowed")
	// "events" is a route, so that it is not refused as a malformed ID.
	refused(t, s.call(t, "DELETE", base+"/events", s.writer, ""), 405, "method_not_allowed")
}

func TestDocumentNeedsNoKey(t *testing.T) {
	s := newService(t)
	for _, path := range []string{"/openapi.yaml", "/openapi.json"} {
		answered := s.call(t, "GET", path, "not a key", "")
		assert.Equal(t, 200, answered.status)
		assert.NotEmpty(t, answered.header.Get("X-Request-Id"))
		assert.Contains(t, string(answered.body), "/v1/execution-webhooks/deliveries/{id}/retry")
	}
	assert.Equal(t, "application/json", s.call(t, "GET", "/openapi.json", "", "").header.Get("Content-Type"))
	assert.Equal(t, "application/yaml", s.call(t, "GET", "/openapi.yaml", "", "").header.Get("Content-Type"))
}

func TestBearerSchemeCaseIgnored(t *testing.T) {
	s := newService(t).withKeys(t)
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		granted(t, s.call(t, "GET", base, "", "", header("Authorization", fmt.Sprintf("%s  %s ", scheme, s.reader))))
	}
}
