package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// hexSignature is what a receiver of another system computes: HMAC-SHA256 of the raw body with the secret as a plain string.
func hexSignature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

func TestPayloadDataArrivesByteForByte(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		c.create(t, url, `"payload":"data"`)
		const published = `{"z":1.10,"a":[1, 2],"n":12345678901234567890,"s":"é <&> \u00e9"}`
		made := c.publishEvent(t, `{"eventType":"run.finished","data":`+published+`}`)
		a := hook.await(t, made.Deliveries[0].ID, 1)[0]
		assert.Equal(t, published, string(a.body))
		assert.Equal(t, "run.finished", a.header.Get("webhook-event-type"))
		assert.Equal(t, made.Event.ID, a.header.Get("webhook-event-id"))
		assert.NotEmpty(t, a.header.Get("webhook-event-timestamp"))
	})
}

func TestSignatureHeaderVerifiesWithPlainSecret(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		made := c.create(t, url, `"signatureHeader":"x-platform-signature","payload":"data"`)
		first := hook.await(t, c.publish(t).ID, 1)[0]
		assert.Equal(t, hexSignature(made.SigningSecret, first.body), first.header.Get("X-Platform-Signature"))
		require.NoError(t, verify(t, made.SigningSecret, first), "Standard Webhooks")

		rotated := data[endpointSecret](t, c.regenerate(t, made.Endpoint.ID, ""))
		second := hook.await(t, c.publish(t).ID, 1)[0]
		assert.Equal(t, []string{hexSignature(rotated.SigningSecret, second.body)}, second.header.Values("X-Platform-Signature"),
			"the newest secret alone")
		require.NoError(t, verify(t, made.SigningSecret, second))
		require.NoError(t, verify(t, rotated.SigningSecret, second))

		data[endpoint](t, c.patch(t, made.Endpoint.ID, `{"signatureHeader":null,"payload":null}`))
		third := hook.await(t, c.publish(t).ID, 1)[0]
		assert.Empty(t, third.header.Values("X-Platform-Signature"))
		assert.NoError(t, s.contract.matches("WebhookPayload", third.body))
	})
}

func TestEndpointScheduleReplacesInstallations(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500))
		c.create(t, url, `"maxRetries":2,"retrySchedule":[3600],"timeoutSeconds":2`)
		made := c.publish(t)
		attempted := hook.await(t, made.ID, 1)[0].at
		waiting := c.awaitStatus(t, made.ID, retrying)
		assert.InDelta(t, 3600, waiting.NextRetryAt.Sub(attempted).Seconds(), 3600*0.2+60)
	})
}
