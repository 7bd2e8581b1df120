package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

// Each route is called with requests that fail all checks from a given one on. The first of these checks answers.
func TestChecksFollowOrderOfContract(t *testing.T) {
	s := newService(t).withKeys(t)
	limited := serve(t, s.store, frozen(Limits{PerKey: 1}))
	limitedKey := s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeRead})
	granted(t, limited.call(t, "GET", base, limitedKey, ""))

	tooLarge := strings.Repeat(" ", maxBatchBody+1)
	otherOrganization, plainText := header("X-Org-ID", "org_other"), header("Content-Type", "text/plain")
	none := func(*http.Request) {}
	for _, r := range protected(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			malformed, missing := r.of(nil)+"?state=x", r.of(missingResources())
			body := ""
			if r.bodyLimit > 0 {
				body = tooLarge
			}
			refused(t, s.call(t, r.method, malformed, "", body, otherOrganization, plainText), 401, "unauthenticated")
			refused(t, s.call(t, r.method, malformed, "rdk_x", body, otherOrganization, plainText), 401, "unauthenticated")
			refused(t, limited.call(t, r.method, malformed, limitedKey, body, otherOrganization, plainText), 429, "rate_limited")
			refused(t, s.call(t, r.method, malformed, s.writer, body, otherOrganization, plainText), 403, "organization_mismatch")
			if r.access == write {
				refused(t, s.call(t, r.method, malformed, s.reader, body, plainText), 403, "read_only_key")
			}
			if r.bodyLimit > 0 {
				refused(t, s.call(t, r.method, malformed, s.writer, tooLarge, plainText), 413, "body_too_large")
				refused(t, s.call(t, r.method, malformed, s.writer, "{", plainText), 415, "unsupported_media_type")
				refused(t, s.call(t, r.method, missing, s.writer, "{", plainText), 415, "unsupported_media_type")
			}
			refused(t, s.call(t, r.method, malformed, s.writer, r.body(), none), 400, "unknown_parameter")
			refused(t, s.call(t, r.method, missing+"?state=x", s.writer, r.body()), 400, "unknown_parameter")
			if r.hasID() {
				refused(t, s.call(t, r.method, r.of(nil), s.writer, r.body()), 400, "invalid_id")
				refused(t, s.call(t, r.method, missing, s.writer, r.body()), 404, notFoundReasons[r.row(t).kind])
			}
			if r.hasID() && r.bodyLimit > 0 {
				assert.Equal(t, 400, s.call(t, r.method, missing, s.writer, `{"nonsense":1}`).status, "before a missing resource")
			}
		})
	}
	own := s.resources(t)
	retry := deliveries + "/" + own[webhook.KindDelivery] + "/retry"
	refused(t, s.call(t, "POST", retry+"?force=true", s.writer, ""), 400, "unknown_parameter")
	refused(t, s.call(t, "POST", retry, s.writer, `{"force":true}`), 400, "unknown_field")
	refused(t, s.call(t, "POST", retry, s.writer, ""), 400, "delivery_not_failed")
}

func TestChecksUnknownRouteAfterCaller(t *testing.T) {
	s := newService(t).withKeys(t)
	limited := serve(t, s.store, frozen(Limits{PerKey: 1, Unauthenticated: 1}))
	limitedKey := s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeRead})
	granted(t, limited.call(t, "GET", base, limitedKey, ""))
	other, plainText := header("X-Org-ID", "org_other"), header("Content-Type", "text/plain")
	large := strings.Repeat(" ", maxBody+1)
	for _, test := range []struct {
		method, path, reason string
		status               int
	}{
		{"GET", "/v1", "route_not_found", 404},
		{"GET", "/v1/", "route_not_found", 404},
		{"POST", "/v1/nothing", "route_not_found", 404},
		{"POST", base + "/a/b/c", "route_not_found", 404},
		{"POST", deliveries, "method_not_allowed", 405},
		{"PUT", base + "/x", "method_not_allowed", 405},
		{"PUT", base + "/events", "method_not_allowed", 405},
	} {
		path := test.path + "?state=x"
		refused(t, s.call(t, test.method, path, "", large, other, plainText), 401, "unauthenticated")
		refused(t, limited.call(t, test.method, path, limitedKey, large, other, plainText), 429, "rate_limited")
		refused(t, s.call(t, test.method, path, s.reader, large, other, plainText), 403, "organization_mismatch")
		refused(t, s.call(t, test.method, path, s.reader, large, plainText), test.status, test.reason)
	}
	// An address with too many invalid keys gets 429 instead of 401.
	for range 5 {
		refused(t, limited.call(t, "GET", base+"?status=x", "rdk_x", ""), 401, "unauthenticated")
	}
	refused(t, limited.call(t, "POST", "/v1/nothing?status=x", "rdk_x", large, other, plainText), 429, "rate_limited")
}
