package httpapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"

	"redrive/pkg/store/storetest"
	"redrive/pkg/webhook"
)

var requestIDs = regexp.MustCompile(`,?"requestId":"[^"]*"`)

func TestRoutesEqualDocument(t *testing.T) {
	var served, documented []string
	for _, r := range routes(Dependencies{}, budget{}, newWriters()) {
		served = append(served, r.method+" "+r.documented())
	}
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	assert.ElementsMatch(t, documented, served)
}

// Each documented status occurs, and no other.
func TestDocumentedStatusesAllOccur(t *testing.T) {
	s := newService(t).withKeys(t)
	withoutDatabase := serve(t, storetest.OpenPostgres(t, "postgres://user@127.0.0.1:1/nothing"))
	limited := serve(t, s.store, frozen(Limits{PerKey: 1}))
	limitedKey := s.newKey(t, webhook.APIKeySpec{Scope: webhook.ScopeReadWrite})
	granted(t, limited.call(t, "GET", base, limitedKey, ""))
	tooLarge := `{"name": "` + strings.Repeat("x", maxBatchBody) + `"}`
	platform := s.platformKey(t)
	for _, r := range protected(t) {
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			own := s.resources(t)
			s.fail(t, own[webhook.KindDelivery])
			if strings.HasSuffix(r.path, "/cancel") {
				s.revive(t, own[webhook.KindDelivery])
			}
			path := r.of(own)
			given := map[int]bool{}
			for _, a := range []answer{
				s.call(t, r.method, path, s.writer, r.body()),
				s.call(t, r.method, path+"?limit=x", s.writer, r.body()),
				s.call(t, r.method, r.of(nil), s.writer, r.body()),
				s.call(t, r.method, r.of(missingResources()), s.writer, r.body()),
				s.call(t, r.method, path, s.writer, `{"nonsense": 1}`),
				s.call(t, r.method, path, s.writer, tooLarge),
				s.call(t, r.method, path, s.writer, "{}", header("Content-Type", "text/plain")),
				s.call(t, r.method, path, "", ""),
				s.call(t, r.method, path, platform, r.body(), actFor("org_unknown")),
				s.call(t, r.method, path, s.writer, "", header("X-Org-ID", "org_other")),
				withoutDatabase.call(t, r.method, path, s.writer, r.body()),
				limited.call(t, r.method, path, limitedKey, r.body()),
			} {
				given[a.status] = true
			}
			item := document(t).Paths.Value(r.documented())
			for _, status := range item.GetOperation(r.method).Responses.Keys() {
				if status == "409" {
					continue // see TestCallInProgressAnsweredAfterFiveSeconds
				}
				number, err := strconv.Atoi(status)
				assert.NoError(t, err)
				assert.True(t, given[number], "%s is documented and was not given", status)
				delete(given, number)
			}
			assert.Empty(t, given, "given and not documented")
		})
	}
}

func TestDocumentLimitsEqualCode(t *testing.T) {
	d := document(t)
	assert.Equal(t, plainRequestID.String(), d.Components.Schemas["RequestId"].Value.Pattern)
	limit, offset := d.Components.Parameters["Limit"].Value.Schema.Value, d.Components.Parameters["Offset"].Value.Schema.Value
	assert.Equal(t, []float64{1, webhook.MaxPageLimit, 0, maxOffset}, []float64{*limit.Min, *limit.Max, *offset.Min, *offset.Max})
	assert.EqualValues(t, webhook.DefaultPageLimit, limit.Default)
	assert.Contains(t, bodyField(d, "EndpointCreate", "maxRetries"), fmt.Sprintf("Defaults to %d.", webhook.DefaultMaxRetries))
	assert.Contains(t, bodyField(d, "APIKeyCreate", "scope"), fmt.Sprintf("Defaults to `%s`.", webhook.ScopeRead))
	assert.Contains(t, *d.Components.Responses["BodyTooLarge"].Value.Description, "1 MiB (1,048,576 bytes)")
	assert.Contains(t, *d.Components.Responses["BodyTooLarge"].Value.Description, "5 MiB (5,242,880 bytes)")
	assert.Equal(t, 1_048_576, maxBody)
	assert.Equal(t, 5_242_880, maxBatchBody)
	assert.EqualValues(t, maxBatchEvents, *d.Components.Schemas["EventBatch"].Value.Properties["events"].Value.MaxItems)
	assert.Contains(t, d.Info.Description, fmt.Sprintf("1 MiB and %d levels", maxDepth))
}

func bodyField(d *openapi3.T, schema, field string) (description string) {
	return d.Components.Schemas[schema].Value.Properties[field].Value.Description
}

func TestListsPaginate(t *testing.T) {
	s := newService(t).withKeys(t)
	var endpoints []string
	for range 3 {
		id, _ := s.endpoint(t, s.writer)
		endpoints = append(endpoints, id)
	}
	slices.Reverse(endpoints)
	deliveryID := s.delivery(t, s.writer)
	endpointID := endpoints[2]

	for query, want := range map[string]struct {
		items         []string
		more          bool
		limit, offset float64
	}{
		"":                     {endpoints, false, 20, 0},
		"?limit=3":             {endpoints, false, 3, 0},
		"?limit=2":             {endpoints[:2], true, 2, 0},
		"?limit=2&offset=1":    {endpoints[1:], false, 2, 1},
		"?offset=2":            {endpoints[2:], false, 20, 2},
		"?offset=3":            {[]string{}, false, 20, 3},
		"?limit=100&offset=00": {endpoints, false, 100, 0},
		"?offset=1000000000":   {[]string{}, false, 20, 1e9},
		"?l%69mit=1&":          {endpoints[:1], true, 1, 0},
	} {
		page := granted(t, s.call(t, "GET", base+query, s.reader, ""))
		items := []string{}
		for _, item := range page["items"].([]any) {
			items = append(items, item.(map[string]any)["id"].(string))
		}
		assert.Equal(t, want.items, items, query)
		assert.Equal(t, []any{want.more, want.limit, want.offset}, []any{page["hasMore"], page["limit"], page["offset"]}, query)
	}

	for _, path := range []string{base, deliveries, deliveries + "/" + deliveryID + "/attempts", keys} {
		for query, reason := range map[string]string{
			"limit=0": "out_of_range", "limit=-1": "out_of_range", "limit=101": "out_of_range", "limit=": "out_of_range",
			"limit=x": "out_of_range", "limit=1.0": "out_of_range", "limit=1e1": "out_of_range", "limit=0x10": "out_of_range",
			"limit=99999999999999999999": "out_of_range", "limit=5&limit=5": "repeated_parameter", "limit=+5": "out_of_range",
			"limit=5%00": "out_of_range", "limit=%D9%A5": "out_of_range", "limit=5'--": "out_of_range",
			"offset=-1": "out_of_range", "offset=1000000001": "out_of_range", "offset=9223372036854775808": "out_of_range",
			"offset=x": "out_of_range", "offset=": "out_of_range",
			"limit=%zz": "malformed_query", "limit=5;offset=1": "malformed_query", "%": "malformed_query",
		} {
			f := refused(t, s.call(t, "GET", path+"?"+query, s.reader, ""), 400, reason)
			if reason == "out_of_range" {
				assert.Equal(t, strings.Split(query, "=")[0], f.Details[0].Field, query)
			}
		}
	}
	for _, filter := range []string{"", "x", strings.ToLower(endpointID), deliveryID, endpointID + "%00"} {
		f := refused(t, s.call(t, "GET", deliveries+"?endpointId="+filter, s.reader, ""), 400, "invalid_id")
		assert.Equal(t, "endpointId", f.Details[0].Field, filter)
	}
	assert.Len(t, granted(t, s.call(t, "GET", deliveries+"?endpointId="+endpointID, s.reader, ""))["items"], 1)
}

func TestIDMalformedOrUnknownRefused(t *testing.T) {
	s := newService(t).withKeys(t)
	ids := s.resources(t)
	others := map[webhook.Kind]webhook.Kind{
		webhook.KindEndpoint: webhook.KindDelivery, webhook.KindDelivery: webhook.KindAPIKey, webhook.KindAPIKey: webhook.KindEndpoint,
		webhook.KindEvent: webhook.KindDelivery, webhook.KindBulkJob: webhook.KindDelivery,
		webhook.KindConsoleSession: webhook.KindAPIKey,
	}
	for _, r := range protected(t) {
		if !r.hasID() {
			continue
		}
		own, other := ids[r.row(t).kind], ids[others[r.row(t).kind]]
		kind := string(r.row(t).kind)
		t.Run(r.method+" "+r.path, func(t *testing.T) {
			for _, id := range []string{
				"x", "%20", kind, kind + "_", own[len(kind)+1:], own + "0", own[:len(own)-1], strings.ToLower(own), strings.ToUpper(own), other,
				kind + "_8" + own[len(kind)+2:], kind + "_" + strings.Repeat("U", 26), own + "%20", own + "%0A", own + "%00", "%00", own + "%2F",
				"..%2f" + own, "%2e%2e%2f" + own, "%ff%fe", kind + "_" + strings.Repeat("%ff", 26), "%C0%AF", own + "%C3%A9", "%F0%9F%94%81",
				strings.Repeat("x", 10_000), own + strings.Repeat("0", 10_000), "'%20OR%201=1--", "%7B%22a%22:1%7D", own + ";x", own + ",x",
			} {
				f := refused(t, s.call(t, r.method, strings.ReplaceAll(r.path, ":id", id), s.writer, ""), 400, "invalid_id")
				assert.Equal(t, "id", f.Details[0].Field)
				assert.Less(t, len(f.Message), 200, "what was sent is not sent back")
			}
			// An empty ID leads to another route or to none.
			empty := s.call(t, r.method, strings.ReplaceAll(r.path, ":id", ""), s.writer, "")
			assert.Contains(t, []int{400, 404, 405}, empty.status, "%s", empty.body)
			// So does an ID that leaves the path segment.
			for _, id := range []string{"..", "../" + own, "./" + own, own + "/"} {
				a := s.call(t, r.method, strings.ReplaceAll(r.path, ":id", id), s.writer, "")
				assert.Contains(t, []int{400, 404, 405}, a.status, "%s: %s", id, a.body)
			}
		})
	}
}
