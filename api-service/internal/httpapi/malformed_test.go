package httpapi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

func TestMalformedBodyErrorNamesCause(t *testing.T) {
	const half = "has an unpaired surrogate, "
	for body, want := range map[string]struct{ reason, field, message string }{
		`{"data":{"a":"\ud83d"}}`:             {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 14`},
		`{"data":{"a":"x\uDE00y"}}`:           {"unpaired_surrogate", "data.a", half + `\uDE00, at byte 15`},
		`{"data":{"a":"\ude00\ud83d"}}`:       {"unpaired_surrogate", "data.a", half + `\ude00, at byte 14`},
		`{"data":{"a":"\ud83d\ud83d\ude00"}}`: {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 14`},
		`{"data":{"a":"\ud83d\ude00\ud83d"}}`: {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 26`},
		`{"data":{"a":"\ud83d\n"}}`:           {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 14`},
		`{"data":{"a":"\ud83dde00"}}`:         {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 14`},
		`{"data":{"a":"\ud83d 2 \ude00"}}`:    {"unpaired_surrogate", "data.a", half + `\ud83d, at byte 14`},
		`{"data":{"\ud83d":1}}`:               {"unpaired_surrogate", "data", half + `\ud83d, at byte 10`},
		`{"\udc00":1}`:                        {"unpaired_surrogate", "", half + `\udc00, at byte 2`},
		`{"eventType":"\ud83d","data":{}}`:    {"unpaired_surrogate", "eventType", half + `\ud83d, at byte 14`},
		`{"data":{"a":[0,{"b":["\udfff"]}]}}`: {"unpaired_surrogate", "data.a[1].b[0]", half + `\udfff, at byte 23`},
		"{\"data\":{\"a\":\"\xff\"}}":         {"malformed_json", "", "there is no UTF-8 (0xff) at byte 14"},
		"{\"data\":{\"a\":\"\xed\xa0\xbd\"}}": {"malformed_json", "", "there is no UTF-8 (0xed) at byte 14"},
		"{\"data\":{\"a\":\"\xc3\x28\"}}":     {"malformed_json", "", "there is no UTF-8 (0xc3) at byte 14"},
		"\ufeff{}":                            {"malformed_json", "", "byte order mark"},
		"\xff\xfe{\x00}\x00":                  {"malformed_json", "", "there is no UTF-8 (0xff) at byte 0"},
		"{\"data\":{\"a\":\"b\nc\"}}":         {"malformed_json", "", `control character, which a string holds escaped, as \u000a, at byte 15`},
		"{\"data\":{\"a\":\"\x00\"}}":         {"malformed_json", "", `as \u0000, at byte 14`},
		"{\"data\":{\"\t\":\"\"}}":            {"malformed_json", "", `as \u0009, at byte 10`},
		`{"data":{"a":"\x41"}}`:               {"malformed_json", "", "at byte 14"},
		`{"data":{"a":"\u12G4"}}`:             {"malformed_json", "", "at byte 14"},
		`{'data':{}}`:                         {"malformed_json", "", `'\'' is unexpected at byte 1`},
		`{"data":{},}`:                        {"malformed_json", "", "at byte 1"},
		`{"data":{"n":01}}`:                   {"malformed_json", "", `'1' is unexpected at byte 14`},
		`{"data":{"n":NaN}}`:                  {"malformed_json", "", `'N' is unexpected at byte 13`},
		`{"data":{"n":1e}}`:                   {"malformed_json", "", "at byte 15"},
		`{"data":{"n":+1}}`:                   {"malformed_json", "", `'+' is unexpected at byte 13`},
		`{"data":{`:                           {"malformed_json", "", "ends in the middle of its JSON, after 9 bytes"},
		`{"data":{"a":"\ud83d`:                {"malformed_json", "", "ends in the middle"},
		`{"data":{"a":"b`:                     {"malformed_json", "", "ends in the middle"},
		`{"a":1,"a":2}`:                       {"duplicate_field", "a", `the field "a" is there twice`},
		`{"":1}`:                              {"unknown_field", "", `no field "" here`},
		`[]`:                                  {"invalid_type", "", "the body must be a JSON object"},
		`[{"eventType":"a","data":{}}]`:       {"invalid_type", "", "the body must be a JSON object"},
	} {
		var request publishRequest
		var refused *webhook.Error
		require.ErrorAs(t, decodeJSON([]byte(body), &request), &refused, "%q", body)
		assert.Equal(t, want.reason, refused.Details[0].Reason, "%q", body)
		assert.Equal(t, want.field, refused.Details[0].Field, "%q", body)
		assert.Contains(t, refused.Message, want.message, "%q", body)
	}
}

func TestMalformedSurrogateRefusedInEveryField(t *testing.T) {
	s := newService(t).withKeys(t)
	own := s.resources(t)
	for _, r := range protected(t) {
		if r.bodyLimit == 0 {
			continue
		}
		path := r.of(own)
		f := refused(t, s.call(t, r.method, path, s.writer, `{"\ud83d":"a"}`), 400, surrogateReason(r))
		assert.NotEmpty(t, f.Message)
		for _, field := range []string{"name", "url", "description", "scope", "expiresAt", "eventType", "runId", "signingSecret", "headers", "anything"} {
			if surrogateReason(r) == "unknown_field" {
				break
			}
			f := refused(t, s.call(t, r.method, path, s.writer, fmt.Sprintf(`{%q:"\ud83d"}`, field)), 400, "unpaired_surrogate")
			assert.Equal(t, field, f.Details[0].Field)
			assert.Contains(t, f.Message, `\ud83d\ude00`, "the message shows a right one")
		}
	}
	batch := granted(t, s.call(t, "POST", base+"/events/batch", s.writer, `{"events":[`+publishBody+`,{"eventType":"a","data":{"x":"\ude00"}}]}`))
	results := batch["results"].([]any)
	assert.Contains(t, results[0], "event")
	refusal := results[1].(map[string]any)["error"].(map[string]any)
	assert.Equal(t, []any{"unpaired_surrogate", "data.x"}, []any{refusal["reason"], refusal["field"]})
	assert.Contains(t, refusal["message"], "the event has an unpaired surrogate")
	granted(t, s.call(t, "POST", base+"/events", s.writer, `{"eventType":"a","data":{"\ud83d\ude00":"\uD83D\uDE00"}}`))
}

// surrogateReason returns the reason for a field name with an unpaired surrogate. A batch decodes only its events.
func surrogateReason(r route) string {
	if r.bodyLimit == maxBatchBody {
		return "unknown_field"
	}
	return "unpaired_surrogate"
}
