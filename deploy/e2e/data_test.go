package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDataArrivesAsPublished(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		c.endpoint(t, url, 0)
		for name, text := range map[string]string{
			"big numbers":      `{"n":12345678901234567890123456789012345678901234567890,"id":9007199254740993,"neg":-9223372036854775809}`,
			"kept digits":      `{"a":1.10,"b":1E+2,"c":-0,"d":0.1000000000000000055511151231257827,"e":1e-7}`,
			"order of keys":    `{"z":1,"a":{"y":1,"b":2},"m":[3,1,2]}`,
			"text":             `{"s":"<&> é 漢 😀 \u2028 \u00e9 \ud83d\ude00 \/ \" \\ \u0000"}`, //nolint:gosmopolitan // text in any script is carried unchanged
			"line separators":  "{\"s\":\"\u2028\u2029\u007f\"}",
			"nulls and empty":  `{"a":null,"b":{},"c":[],"":0,"d":[null,true,false]}`,
			"nothing":          `{}`,
			"its own envelope": `{"id":"x","type":"y","data":{"data":{}}}`,
		} {
			t.Run(name, func(t *testing.T) {
				made := c.publishEvent(t, `{"eventType":"run.finished","data":`+text+`}`)
				require.Len(t, made.Deliveries, 1)
				assert.Equal(t, text, string(made.Event.Data), "as it is answered")
				id := made.Deliveries[0].ID
				assert.Equal(t, text, dataOf(t, hook.await(t, id, 1)[0].body), "as it is sent")
				assert.Equal(t, text, dataOf(t, c.awaitStatus(t, id, success).RequestBody), "as it is shown")
			})
		}
	})
}

// dataOf returns the data of a webhook's body, byte for byte.
func dataOf(t *testing.T, body []byte) string {
	t.Helper()
	var payload struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(body, &payload))
	return string(payload.Data)
}
