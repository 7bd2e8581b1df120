package sender

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/dispatcher-service/internal/hostile"
)

// Whatever a receiver does, an attempt has a result in plain words, and the next one is served normally. TestLingeringReceivers has the
// receivers that never end the exchange.
func TestHostileReceivers(t *testing.T) {
	t.Parallel()
	require.Equal(t, hostile.KeptBody, maxAnswerBody)
	for name, c := range hostile.Cases {
		if c.Lingers {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(t)
			r := hostile.Listen(t, c.Script)
			result := send(t, s, newDispatch(t, r.URL))

			assert.Len(t, r.Connections, 1, "one attempt is one connection")
			assert.Equal(t, c.Status, result.ResponseStatus, result.Failure)
			assert.Contains(t, result.Failure, c.Failure)
			assert.Equal(t, c.Cut, result.ResponseBodyTruncated)
			assert.True(t, strings.HasPrefix(string(result.ResponseBody), c.Body), "%.40q", result.ResponseBody)
			assertUsable(t, s)
		})
	}
}
