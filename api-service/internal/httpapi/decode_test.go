package httpapi

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func nested(levels int) string {
	return `{"eventType":"a","data":` + strings.Repeat(`{"a":`, levels-2) + `{}` + strings.Repeat(`}`, levels-1)
}

func TestDecodeInvalidBodyRefused(t *testing.T) {
	const valid = `"eventType":"run.finished","data":{}`
	for name, test := range map[string]struct{ body, reason, field string }{
		"an unknown field":              {`{` + valid + `,"extra":1}`, "unknown_field", "extra"},
		"a field in another case":       {`{"EventType":"a","data":{}}`, "unknown_field", "EventType"},
		"an unknown field with a slash": {`{"a/b~c":1}`, "unknown_field", "a/b~c"},
		"a field without a name":        {`{"":1}`, "unknown_field", ""},
		"a long unknown field":          {`{"` + strings.Repeat("é", 500) + `":1}`, "unknown_field", strings.Repeat("é", 128) + "…"},
		"a field twice":                 {`{` + valid + `,"eventType":"b"}`, "duplicate_field", "eventType"},
		"a field twice, once escaped":   {`{` + valid + `,"eventTyp\u0065":"b"}`, "duplicate_field", "eventType"},
		"a field twice in data":         {`{"eventType":"a","data":{"x":{"y":1,"y":1}}}`, "duplicate_field", "data.x.y"},
		"a field twice in a list":       {`{"eventType":"a","data":{"x":[0,{"y":1,"y":1}]}}`, "duplicate_field", "data.x[1].y"},
		"a null":                        {`{` + valid + `,"runId":null}`, "null_not_allowed", "runId"},
		"null as data":                  {`{"eventType":"a","data":null}`, "null_not_allowed", "data"},
		"an unknown null":               {`{` + valid + `,"extra":null}`, "null_not_allowed", "extra"},
		"a number as a string":          {`{"eventType":1,"data":{}}`, "invalid_type", "eventType"},
		"a list as a string":            {`{` + valid + `,"runId":["r"]}`, "invalid_type", "runId"},
		"an object as a string":         {`{` + valid + `,"runId":{"null":null}}`, "invalid_type", "runId"},
		"33 levels":                     {nested(33), "too_deep", ""},
		"1,000 levels":                  {nested(1000), "too_deep", ""},
		"1,000,000 levels, not closed":  {strings.Repeat("[", 1_000_000), "invalid_type", ""},
		"so many in an object":          {`{"data":` + strings.Repeat("[", 1_000_000), "too_deep", ""},
		"trailing data":                 {`{` + valid + `}{}`, "trailing_data", ""},
		"a trailing comma":              {`{` + valid + `,}`, "malformed_json", ""},
		"a trailing NUL":                {`{` + valid + "}\x00", "trailing_data", ""},
		"a trailing space of Unicode":   {`{` + valid + "}\u00a0", "trailing_data", ""},
		"a NUL":                         {"{\x00" + valid + `}`, "malformed_json", ""},
		"a NUL in a string":             {"{\"eventType\":\"a\x00\"}", "malformed_json", ""},
		"a line break in a string":      {"{\"eventType\":\"a\n\"}", "malformed_json", ""},
		"invalid UTF-8":                 {"{\"eventType\":\"a\xff\"}", "malformed_json", ""},
		"invalid UTF-8 in data":         {"{\"eventType\":\"a\",\"data\":{\"a\":\"\xc3\x28\"}}", "malformed_json", ""},
		"a lone surrogate":              {`{"eventType":"a","data":{"a":"\ud800"}}`, "unpaired_surrogate", "data.a"},
		"UTF-16":                        {"\xff\xfe{\x00}\x00", "malformed_json", ""},
		"a byte order mark":             {"\ufeff{" + valid + `}`, "malformed_json", ""},
		"a comment":                     {`{` + valid + `} // done`, "trailing_data", ""},
		"single quotes":                 {`{'eventType':'a'}`, "malformed_json", ""},
		"NaN":                           {`{"eventType":"a","data":{"n":NaN}}`, "malformed_json", ""},
		"a leading zero":                {`{"eventType":"a","data":{"n":01}}`, "malformed_json", ""},
		"cut short":                     {`{` + valid, "malformed_json", ""},
		"an array":                      {`[]`, "invalid_type", ""},
		"an array with a null":          {`[null]`, "invalid_type", ""},
		"null":                          {`null`, "invalid_type", ""},
		"a string":                      {`"{}"`, "invalid_type", ""},
		"a number":                      {`1`, "invalid_type", ""},
		"true":                          {`true`, "invalid_type", ""},
		"no JSON":                       {`eventType=a`, "malformed_json", ""},
		"nothing but space":             {` `, "malformed_json", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var request publishRequest
			var refused *webhook.Error
			require.ErrorAs(t, decodeJSON([]byte(test.body), &request), &refused)
			assert.Equal(t, webhook.CodeInvalid, refused.Code)
			assert.Equal(t, webhook.Detail{Reason: test.reason, Field: test.field, Message: refused.Message}, refused.Details[0])
			assert.NoError(t, refused.Err, "a cause would be logged as ours")
			assert.Less(t, utf8.RuneCountInString(refused.Message), 256)
		})
	}
}

func TestDecodeKeepsDataUnchanged(t *testing.T) {
	for _, data := range []string{
		`{}`, `{ "b" : 1 , "a":[ null, {"x":null}] }`, `{"n":12345678901234567890.10,"e":1E400,"z":-0}`, `{"s":"\u0000\u00e9é<&>\/"}`,
	} {
		var request publishRequest
		require.NoError(t, decodeJSON([]byte(" \t\r\n{\"eventType\":\"a\",\"data\":"+data+"} \n"), &request))
		assert.Equal(t, data, string(request.Data))
	}
	var request publishRequest
	assert.NoError(t, decodeJSON([]byte(nested(32)), &request), "32 levels are fine")
}

func TestDecodeEndpoint(t *testing.T) {
	const valid = `{"name":"a","url":"https://example.com/"`
	for body, want := range map[string]struct{ reason, field string }{
		valid + `,"maxRetries":"5"}`:                   {"invalid_type", "maxRetries"},
		valid + `,"maxRetries":1e2}`:                   {"invalid_type", "maxRetries"},
		valid + `,"maxRetries":1.0}`:                   {"invalid_type", "maxRetries"},
		valid + `,"maxRetries":true}`:                  {"invalid_type", "maxRetries"},
		valid + `,"maxRetries":99999999999999999999}`:  {"invalid_type", "maxRetries"},
		valid + `,"maxRetries":null}`:                  {"null_not_allowed", "maxRetries"},
		valid + `,"subscribedEventTypes":"*"}`:         {"invalid_type", "subscribedEventTypes"},
		valid + `,"subscribedEventTypes":{}}`:          {"invalid_type", "subscribedEventTypes"},
		valid + `,"subscribedEventTypes":["a",1]}`:     {"invalid_type", "subscribedEventTypes[1]"},
		valid + `,"subscribedEventTypes":[["a"],"b"]}`: {"invalid_type", "subscribedEventTypes[0]"},
		valid + `,"organizationId":"org_other"}`:       {"unknown_field", "organizationId"},
		valid + `,"id":"ep_x"}`:                        {"unknown_field", "id"},
		valid + `,"URL":"https://example.org/"}`:       {"unknown_field", "URL"},
		valid + `,"Name":"b"}`:                         {"unknown_field", "Name"},
	} {
		var request createEndpointRequest
		var refused *webhook.Error
		require.ErrorAs(t, decodeJSON([]byte(body), &request), &refused, body)
		assert.Equal(t, want.reason, refused.Details[0].Reason, body)
		assert.Equal(t, want.field, refused.Details[0].Field, body)
	}
	var request createEndpointRequest
	require.NoError(t, decodeJSON([]byte(valid+`,"maxRetries":0,"subscribedEventTypes":[]}`), &request))
	assert.Equal(t, 0, *request.MaxRetries)
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"eventType":"run.finished","data":{"a":[1,null,"\ud83d\ude00"]},"runId":"r"}`, `{"eventType":"a","data":{"a":1,"a":2}}`,
		nested(32), nested(33), `{"data":1e999}`, "{\"data\":\"\xff\"}", `[]`, `null`, ` `, `{}`, `{}{}`, "\ufeff{}", `{"":{}}`, `{"a/b":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var request publishRequest
		err := decodeJSON(body, &request)
		if err == nil {
			require.True(t, stdjson.Valid(body), "%q", body)
			require.True(t, bytes.Contains(body, request.Data), "data is not as it was: %q", request.Data)
			require.NotEqual(t, "null", string(request.Data))
			return
		}
		var refused *webhook.Error
		require.True(t, errors.As(err, &refused), "%v", err)
		require.Equal(t, webhook.CodeInvalid, refused.Code)
		require.NotEmpty(t, refused.Details[0].Reason)
		require.True(t, utf8.ValidString(refused.Message) && utf8.ValidString(refused.Details[0].Field))
	})
}
