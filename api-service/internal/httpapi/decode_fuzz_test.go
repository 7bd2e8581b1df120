package httpapi

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"redrive/pkg/webhook"
)

// wellRefused checks that an error has a reason and a message that can be shown and logged.
func wellRefused(t *testing.T, err error) {
	t.Helper()
	var refused *webhook.Error
	require.True(t, errors.As(err, &refused), "%v", err)
	require.Equal(t, webhook.CodeInvalid, refused.Code)
	require.NotEmpty(t, refused.Details[0].Reason)
	require.True(t, utf8.ValidString(refused.Message) && utf8.ValidString(refused.Details[0].Field))
	require.Less(t, utf8.RuneCountInString(refused.Message), 512)
}

func FuzzDecodeEndpoint(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","url":"https://example.com/","maxRetries":0,"subscribedEventTypes":["run.*"]}`, `{"maxRetries":1e2}`, `{"maxRetries":99999999999999999999}`,
		`{"subscribedEventTypes":["a",1]}`, `{"subscribedEventTypes":[["a"]]}`, `{"name":null}`, `{"Name":"a"}`, `{"name":"a","n\u0061me":"b"}`, `{"url":"\ud800"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var request createEndpointRequest
		if err := decodeJSON(body, &request); err != nil {
			wellRefused(t, err)
			return
		}
		require.True(t, stdjson.Valid(body))
		require.True(t, utf8.ValidString(request.Name+request.URL+request.Description))
	})
}

// A request for a key is refused, or its times can be formatted.
func FuzzDecodeAPIKey(f *testing.F) {
	for _, seed := range []string{
		`{"name":"n","scope":"read","expiresAt":"2099-01-02T05:04:05.1234567+02:00"}`, `{"expiresAt":"9999-12-31T23:59:59-01:00"}`, `{"expiresAt":""}`,
		`{"expiresAt":"0000-01-01T00:00:00Z"}`, `{"expiresAt":"0001-01-01T00:00:00+01:00"}`, `{"scope":null}`, `{"scope":{}}`, `{"expiresAt":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var request createAPIKeyRequest
		err := decodeJSON(body, &request)
		if err == nil {
			_, err = request.wanted()
		}
		if err != nil {
			wellRefused(t, err)
			return
		}
		wanted, err := request.wanted()
		require.NoError(t, err)
		_, err = stdjson.Marshal(wanted.ExpiresAt)
		require.NoError(t, err)
	})
}

// A batch is refused as a whole, or each event has its own result.
func FuzzSplitBatch(f *testing.F) {
	const event = `{"eventType":"a","data":{"n":1.50}}`
	for _, seed := range []string{
		`{"events":[` + event + `]}`, `{"events":[` + event + `,null,1,{},` + event + `]}`, `{"events":[]}`, `{"events":{}}`, `{"events":null}`, `{}`,
		`{"events":[` + event + `],"events":[]}`, `{"events":[` + event + `]}{}`, `{"events":[{"eventType":"a","data":{"a":1,"a":2}}]}`, `{"events":[` + event,
		`{"events":[` + strings.Repeat("[", 40), "{\"events\":[{\"eventType\":\"\xff\"}]}", `{"events":[` + event + `],"x":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := splitBatch(body)
		if err != nil {
			wellRefused(t, err)
			return
		}
		require.NotEmpty(t, events)
		require.LessOrEqual(t, len(events), maxBatchEvents)
		for _, raw := range events {
			require.True(t, bytes.Contains(body, raw), "an event is not as it was")
			spec, err := decodeEvent(raw, "")
			if err != nil {
				wellRefused(t, err)
				continue
			}
			require.True(t, stdjson.Valid(raw))
			require.True(t, bytes.Contains(raw, spec.Data))
		}
	})
}
