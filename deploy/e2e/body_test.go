package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func (c *client) postWrong(t *testing.T, path, body string) reply {
	t.Helper()
	return c.call(t, request{method: http.MethodPost, path: path, body: body, wrong: true})
}

func TestBodyIsParsedStrictly(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for name, test := range map[string]struct{ body, reason, field string }{
			"unknown field":         {`{"eventType":"a","data":{},"extra":1}`, "unknown_field", "extra"},
			"field in another case": {`{"EventType":"a","data":{}}`, "unknown_field", "EventType"},
			"duplicate field":       {`{"eventType":"a","eventType":"b","data":{}}`, "duplicate_field", "eventType"},
			"duplicate inside":      {`{"eventType":"a","data":{"x":1,"x":2}}`, "duplicate_field", "data.x"},
			"duplicate, escaped":    {`{"eventType":"a","data":{"x":1,"\u0078":2}}`, "duplicate_field", "data.x"},
			"trailing object":       {`{"eventType":"a","data":{}} {}`, "trailing_data", ""},
			"trailing garbage":      {`{"eventType":"a","data":{}}x`, "trailing_data", ""},
			"wrong type, number":    {`{"eventType":1,"data":{}}`, "invalid_type", "eventType"},
			"wrong type, object":    {`{"eventType":{},"data":{}}`, "invalid_type", "eventType"},
			"data is an array":      {`{"eventType":"a","data":[]}`, "invalid_type", "data"},
			"data is a text":        {`{"eventType":"a","data":"{}"}`, "invalid_type", "data"},
			"null":                  {`{"eventType":null,"data":{}}`, "null_not_allowed", "eventType"},
			"null data":             {`{"eventType":"a","data":null}`, "null_not_allowed", "data"},
			"empty":                 {"", "empty_body", ""},
			"blank":                 {" \n", "empty_body", ""},
			"an array":              {`[]`, "invalid_type", ""},
			"a text":                {`"a"`, "invalid_type", ""},
			"null alone":            {`null`, "invalid_type", ""},
			"broken off":            {`{"eventType":"a","da`, "malformed_json", ""},
			"single quotes":         {`{'eventType':'a'}`, "malformed_json", ""},
			"trailing comma":        {`{"eventType":"a","data":{},}`, "malformed_json", ""},
			"a comment":             {`{"eventType":"a",/**/"data":{}}`, "malformed_json", ""},
			"NaN":                   {`{"eventType":"a","data":{"n":NaN}}`, "malformed_json", ""},
			"too deep":              {`{"eventType":"a","data":` + strings.Repeat(`{"a":`, 1000) + `1` + strings.Repeat("}", 1000) + `}`, "too_deep", ""},
			"too deep, arrays":      {`{"eventType":"a","data":{"a":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}}`, "too_deep", ""},
			"invalid UTF-8":         {"{\"eventType\":\"a\",\"data\":{\"s\":\"\xff\"}}", "malformed_json", ""},
			"a lone surrogate":      {`{"eventType":"a","data":{"s":"\ud800"}}`, "unpaired_surrogate", "data.s"},
			"a raw line break":      {"{\"eventType\":\"a\",\"data\":{\"s\":\"\n\"}}", "malformed_json", ""},
			"a byte order mark":     {"\xef\xbb\xbf{\"eventType\":\"a\",\"data\":{}}", "malformed_json", ""},
			"UTF-16":                {"{\x00}\x00", "malformed_json", ""},
		} {
			t.Run(name, func(t *testing.T) {
				p := c.postWrong(t, base+"/events", test.body).refused(t, 400, test.reason)
				if len(p.Details) > 0 {
					assert.Equal(t, test.field, p.Details[0].Field)
				}
			})
		}
	})
}

func TestBodyErrorsNameTheField(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const good = `"name":"n","url":"https://example.com/hook"`
		for name, test := range map[string]struct{ path, body, reason, field string }{
			"no type":                   {base + "/events", `{"data":{}}`, "required", "eventType"},
			"empty type":                {base + "/events", `{"eventType":"","data":{}}`, "required", "eventType"},
			"a space in the type":       {base + "/events", `{"eventType":"a b","data":{}}`, "invalid_event_type", "eventType"},
			"a dot at the end":          {base + "/events", `{"eventType":"a.","data":{}}`, "invalid_event_type", "eventType"},
			"a star in the type":        {base + "/events", `{"eventType":"a.*","data":{}}`, "invalid_event_type", "eventType"},
			"a long type":               {base + "/events", `{"eventType":"` + strings.Repeat("a", 129) + `","data":{}}`, "invalid_event_type", "eventType"},
			"no data":                   {base + "/events", `{"eventType":"a"}`, "required", "data"},
			"a long run ID":             {base + "/events", `{"eventType":"a","data":{},"runId":"` + strings.Repeat("é", 129) + `"}`, "too_long", "runId"},
			"NUL in a run ID":           {base + "/events", `{"eventType":"a","data":{},"runId":"\u0000"}`, "invalid_text", "runId"},
			"no name":                   {base, `{"url":"https://example.com"}`, "required", "name"},
			"a blank name":              {base, `{"name":"  ","url":"https://example.com"}`, "required", "name"},
			"a long name":               {base, `{"name":"` + strings.Repeat("a", 129) + `","url":"https://example.com"}`, "too_long", "name"},
			"a line break in the name":  {base, `{"name":"a\nb","url":"https://example.com"}`, "invalid_text", "name"},
			"no URL":                    {base, `{"name":"n"}`, "required", "url"},
			"a URL that is none":        {base, `{"name":"n","url":"example"}`, "invalid_url", "url"},
			"another scheme":            {base, `{"name":"n","url":"ftp://example.com"}`, "scheme_not_allowed", "url"},
			"a password in the URL":     {base, `{"name":"n","url":"https://u:p@example.com"}`, "credentials_in_url", "url"},
			"minus one retries":         {base, `{` + good + `,"maxRetries":-1}`, "out_of_range", "maxRetries"},
			"21 retries":                {base, `{` + good + `,"maxRetries":21}`, "out_of_range", "maxRetries"},
			"half a retry":              {base, `{` + good + `,"maxRetries":1.5}`, "invalid_type", "maxRetries"},
			"retries in words":          {base, `{` + good + `,"maxRetries":"5"}`, "invalid_type", "maxRetries"},
			"more retries than 64 bits": {base, `{` + good + `,"maxRetries":99999999999999999999}`, "invalid_type", "maxRetries"},
			"subscribed to a text":      {base, `{` + good + `,"subscribedEventTypes":"*"}`, "invalid_type", "subscribedEventTypes"},
			"subscribed to a number":    {base, `{` + good + `,"subscribedEventTypes":["a",1]}`, "invalid_type", "subscribedEventTypes[1]"},
			"subscribed to a star amid": {base, `{` + good + `,"subscribedEventTypes":["a.*.b"]}`, "invalid_event_type", "subscribedEventTypes[0]"},
			"subscribed to too many":    {base, `{` + good + `,"subscribedEventTypes":["a"` + strings.Repeat(`,"a"`, 100) + `]}`, "too_many", "subscribedEventTypes"},
			"a secret of one's own":     {base, `{` + good + `,"secret":"x"}`, "unknown_field", "secret"},
		} {
			t.Run(name, func(t *testing.T) {
				p := c.postWrong(t, test.path, test.body).refused(t, 400, test.reason)
				if len(p.Details) > 0 {
					assert.Equal(t, test.field, p.Details[0].Field)
				}
			})
		}
		assert.Empty(t, data[page[endpoint]](t, c.get(t, base)).Items, "nothing was kept of all that")
		assert.Empty(t, data[page[delivery]](t, c.get(t, deliveries)).Items)
	})
}

func TestBodyErrorsAreReportedTogether(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		p := s.organization(t).postWrong(t, base+"/events", `{"eventType":"a b","runId":"`+strings.Repeat("x", 129)+`"}`).refused(t, 400, "invalid_event_type")
		var fields []string
		for _, d := range p.Details {
			fields = append(fields, d.Field)
		}
		assert.ElementsMatch(t, []string{"eventType", "data", "runId"}, fields)
	})
}

func TestBodyMustBeJSON(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const body = `{"eventType":"a","data":{}}`
		send := func(contentType string) reply {
			header := http.Header{"Content-Type": {contentType}}
			return c.call(t, request{method: http.MethodPost, path: base + "/events", body: body, header: header, wrong: true})
		}
		for _, other := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x", "json", "application/json; charset=latin1"} {
			send(other).refused(t, 415, "unsupported_media_type")
		}
		for _, fine := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON"} {
			assert.Equal(t, http.StatusOK, send(fine).status, fine)
		}
	})
}

func TestBodyIsLimitedToOneMegabyte(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const limit = 1 << 20
		frame := `{"eventType":"a","data":{"s":""}}`
		fill := func(size int) string {
			return strings.Replace(frame, `""`, `"`+strings.Repeat("x", size-len(frame))+`"`, 1)
		}
		assert.Equal(t, http.StatusOK, c.post(t, base+"/events", fill(limit)).status)
		c.post(t, base+"/events", fill(limit+1)).refused(t, 413, "body_too_large")
		c.postWrong(t, base+"/events", strings.Repeat("[", 4*limit)).refused(t, 413, "body_too_large")
	})
}

func TestUnknownRouteAnswersInTheEnvelope(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for _, o := range []operation{
			{http.MethodGet, "/", ""},
			{http.MethodGet, "/v1", ""},
			{http.MethodGet, "/v2/execution-webhooks", ""},
			{http.MethodPost, deliveries + "/dlv_" + nobodys + "/delete", ""},
			{http.MethodGet, base + "/ep_" + nobodys + "/secret", ""},
			{http.MethodGet, "/metrics", ""},
			{http.MethodGet, "/debug/pprof/", ""},
		} {
			c.call(t, request{method: o.method, path: o.path}).refused(t, 404, "route_not_found")
		}
		for _, o := range []operation{
			{http.MethodDelete, base, ""},
			{http.MethodPut, base + "/ep_" + nobodys, ""},
			{http.MethodGet, deliveries + "/dlv_" + nobodys + "/retry", ""},
			{http.MethodPost, deliveries, ""},
			{http.MethodPost, deliveries + "/dlv_" + nobodys, ""},
			{http.MethodPut, base + "/events", ""},
			{http.MethodDelete, base + "/events", ""},
			{"BREW", base, ""},
		} {
			t.Run(o.method+" "+o.path, func(t *testing.T) {
				answer := c.call(t, request{method: o.method, path: o.path})
				answer.refused(t, 405, "method_not_allowed")
				assert.NotEmpty(t, answer.header.Get("Allow"))
			})
		}
	})
}
