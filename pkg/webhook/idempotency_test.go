package webhook

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestIdempotencyContentDecidesFingerprint(t *testing.T) {
	spec := EventSpec{Type: "a.b", Data: []byte(`{"n":1.50,"m":[1,2]}`), WorkflowID: "w", RunID: "r", ExecutionID: "e", IdempotencyKey: "k"}
	same := spec
	same.Data = []byte("{\n  \"n\": 1.50, \"m\": [1, 2] }")
	assert.Equal(t, spec.Idempotency(), same.Idempotency(), "white space is no content")
	for name, change := range map[string]func(*EventSpec){
		"type":          func(s *EventSpec) { s.Type = "a.c" },
		"data":          func(s *EventSpec) { s.Data = []byte(`{"n":1.5,"m":[1,2]}`) },
		"space in text": func(s *EventSpec) { s.Data = []byte(`{"n":" "}`) },
		"workflow":      func(s *EventSpec) { s.WorkflowID = "wr"; s.RunID = "" },
		"run":           func(s *EventSpec) { s.RunID = "" },
		"execution":     func(s *EventSpec) { s.ExecutionID = "" },
	} {
		other := spec
		change(&other)
		assert.Equal(t, spec.Idempotency().Hash, other.Idempotency().Hash, name)
		assert.NotEqual(t, spec.Idempotency().Fingerprint, other.Idempotency().Fingerprint, name)
	}
	spec.IdempotencyKey = ""
	assert.Nil(t, spec.Idempotency())
}

func TestCheckIdempotencyKeyPrintableASCIIOnly(t *testing.T) {
	for _, key := range []string{"a", "order 7/3~!", strings.Repeat("x", MaxIdempotencyKey)} {
		assert.NoError(t, CheckIdempotencyKey("idempotencyKey", key, MaxIdempotencyKey), key)
	}
	for _, key := range []string{"", "é", "a\n", "\x7f", "\xff", strings.Repeat("x", MaxIdempotencyKey+1)} {
		assert.Error(t, CheckIdempotencyKey("idempotencyKey", key, MaxIdempotencyKey), "%q", key)
		spec := EventSpec{Type: "a", Data: []byte(`{}`), IdempotencyKey: key}
		assert.Equal(t, key == "", spec.Check() == nil, "%q", key)
	}
}
