package e2e

import (
	"net/http"
	"strings"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func verify(t *testing.T, secret string, a arrival) error {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	return verifier.Verify(a.body, a.header)
}

func TestSignatureVerifiesWithTheStandardLibrary(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		registered := c.register(t, url, 1)
		other := c.register(t, url, 0, "never")
		made := c.publish(t)
		for _, a := range hook.await(t, made.ID, 2) {
			require.NoError(t, verify(t, registered.SigningSecret, a))
			require.Error(t, verify(t, other.SigningSecret, a), "somebody else's secret")
			assert.Equal(t, http.MethodPost, a.method)
			assert.Equal(t, "application/json", a.header.Get("Content-Type"))
			assert.Regexp(t, `^Redrive/`, a.header.Get("User-Agent"))
			assert.Equal(t, made.ID, a.header.Get("webhook-id"))
			assert.NoError(t, s.contract.matches("WebhookPayload", a.body))

			changed := a
			changed.body = []byte(strings.Replace(string(a.body), "true", "false", 1))
			require.NotEqual(t, a.body, changed.body)
			require.Error(t, verify(t, registered.SigningSecret, changed))
		}
	})
}

func TestSignatureOverlapUsesBothSecrets(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		registered := c.register(t, url, 0)
		regenerated := data[endpointSecret](t, c.post(t, base+"/"+registered.Endpoint.ID+"/regenerate-secret", ""))
		assert.Equal(t, registered.Endpoint.ID, regenerated.Endpoint.ID)
		require.NotEqual(t, registered.SigningSecret, regenerated.SigningSecret)

		a := hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, registered.SigningSecret, a))
		require.NoError(t, verify(t, regenerated.SigningSecret, a))
		assert.Len(t, strings.Fields(a.header.Get("webhook-signature")), 2)
	})
}

func TestSecretIsShownOnce(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		_, url := answering(t, status(500))
		registered := c.register(t, url, 0)
		path := base + "/" + registered.Endpoint.ID
		answer := c.post(t, path+"/regenerate-secret", "{}")
		assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
		second := data[endpointSecret](t, answer).SigningSecret
		failed := c.failed(t)

		answers := []reply{
			c.get(t, base), c.get(t, path),
			c.get(t, deliveries), c.get(t, deliveries+"/"+failed.ID), c.get(t, deliveries+"/"+failed.ID+"/attempts"),
			c.retry(t, failed.ID), c.replay(t, failed.ID),
			c.post(t, base+"/events", `{"eventType":"run.finished","data":{}}`),
			c.post(t, path+"/disable", ""), c.post(t, path+"/enable", ""),
		}
		for i, answer := range answers {
			require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
			for _, secret := range []string{registered.SigningSecret, second} {
				assert.NotContains(t, string(answer.body), strings.TrimPrefix(secret, "whsec_"), "answer %d", i)
			}
			assert.NotContains(t, string(answer.body), c.key)
		}
	})
}
