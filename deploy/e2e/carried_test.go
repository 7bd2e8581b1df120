package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// create registers an endpoint with further fields, as JSON members.
func (c *client) create(t *testing.T, url, further string) endpointSecret {
	t.Helper()
	return data[endpointSecret](t, c.post(t, base, `{"name":"n","url":"`+url+`",`+further+`}`))
}

func (c *client) regenerate(t *testing.T, endpointID, body string) reply {
	t.Helper()
	return c.post(t, base+"/"+endpointID+"/regenerate-secret", body)
}

// ownSecret returns a secret of the form that a caller may bring.
func ownSecret(size int) string {
	key := make([]byte, size)
	_, _ = rand.Read(key) // it never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(key)
}

func TestEndpointHeadersArriveAndAreMasked(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(500), status(500), status(200))
		value := "Bearer " + rand.Text()
		answer := c.post(t, base, `{"name":"n","url":"`+url+`","maxRetries":1,"headers":{"Authorization":"`+value+`","x-team":"`+value+` b"}}`)
		made := data[endpointSecret](t, answer).Endpoint
		assert.Equal(t, map[string]string{"Authorization": "****", "x-team": "****"}, made.Headers)

		id := c.publish(t).ID
		ended := c.awaitStatus(t, id, failure)
		data[delivery](t, c.retry(t, id))
		succeeded := c.awaitStatus(t, id, success)
		arrived := hook.await(t, id, 3)
		for _, a := range arrived {
			assert.Equal(t, []string{value}, a.header.Values("Authorization"))
			assert.Equal(t, []string{value + " b"}, a.header.Values("X-Team"))
			assert.Equal(t, id, a.header.Get("webhook-id"))
		}
		headers := []map[string]string{ended.RequestHeaders, succeeded.RequestHeaders}
		for _, a := range c.attempts(t, id) {
			headers = append(headers, a.RequestHeaders)
		}
		require.Len(t, headers, 5)
		for _, sent := range headers {
			assert.Equal(t, []string{"****", "****", id}, []string{sent["Authorization"], sent["X-Team"], sent["Webhook-Id"]})
		}

		path := base + "/" + made.ID
		for i, answer := range []reply{
			answer, c.get(t, base), c.get(t, path), c.get(t, deliveries), c.get(t, deliveries+"/"+id), c.get(t, deliveries+"/"+id+"/attempts"),
			c.post(t, path+"/disable", ""), c.post(t, path+"/enable", ""), c.regenerate(t, made.ID, ""), c.replay(t, id),
		} {
			require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
			assert.NotContains(t, string(answer.body), value, "answer %d", i)
		}
	})
}

func TestEndpointHarmfulHeadersAreRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		const canary = "canary"
		for headers, want := range map[string]struct{ field, reason string }{
			`{"Host":"canary"}`:                             {"headers", "header_not_allowed"},
			`{"content-length":"0"}`:                        {"headers", "header_not_allowed"},
			`{"Transfer-Encoding":"chunked"}`:               {"headers", "header_not_allowed"},
			`{"Connection":"close"}`:                        {"headers", "header_not_allowed"},
			`{"Webhook_Signature":"canary"}`:                {"headers", "header_not_allowed"},
			`{"Idempotency-Key":"canary"}`:                  {"headers", "header_not_allowed"},
			`{"X":"a\r\nHost: canary"}`:                     {"headers.X", "invalid_header"},
			`{"X\r\nHost":"canary"}`:                        {"headers", "invalid_header"},
			`{"X\u0000":"canary"}`:                          {"headers", "invalid_header"},
			`{"X":"canary\u0000"}`:                          {"headers.X", "invalid_header"},
			`{"X-Key":"canary","x-key":"canary"}`:           {"headers.x-key", "duplicate_header"},
			`{"X-Key":"canary","X-Key":"canary"}`:           {"headers.X-Key", "duplicate_field"},
			`{"X":null}`:                                    {"headers.X", "required"},
			`{"X":1}`:                                       {"headers.X", "invalid_type"},
			`{"X":["canary"]}`:                              {"headers.X", "invalid_type"},
			`[]`:                                            {"headers", "invalid_type"},
			`null`:                                          {"headers", "null_not_allowed"},
			`{"X":"` + strings.Repeat("v", 4097) + `"}`:     {"headers.X", "too_long"},
			`{"` + strings.Repeat("n", 129) + `":"canary"}`: {"headers", "too_long"},
		} {
			answer := c.call(t, request{method: http.MethodPost, path: base, body: `{"name":"n","url":"http://127.0.0.1:2/","headers":` + headers + `}`, wrong: true})
			problem := answer.refused(t, http.StatusBadRequest, want.reason)
			assert.Equal(t, want.field, problem.Details[0].Field, "%.80s", headers)
			assert.NotContains(t, string(answer.body), canary)
		}
		assert.Empty(t, data[page[endpoint]](t, c.get(t, base)).Items)
	})
}

func TestEndpointRateLimitIsShown(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		made := c.create(t, "http://127.0.0.1:2/", `"rateLimit":10000`).Endpoint
		assert.Equal(t, 10_000, made.RateLimit)
		assert.Equal(t, made, c.find(t, made.ID))
		for _, limit := range []string{"-1", "10001", "1.5", `"1"`, "null", "1e30"} {
			answer := c.call(t, request{method: http.MethodPost, path: base, body: `{"name":"n","url":"http://127.0.0.1:2/","rateLimit":` + limit + `}`, wrong: true})
			assert.Equal(t, http.StatusBadRequest, answer.status, "%s: %s", limit, answer.body)
			assert.Contains(t, string(answer.body), "rateLimit")
		}
	})
}

func TestEndpointRateLimitSpacesAttempts(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		c.create(t, url, `"rateLimit":4`)
		begin := time.Now()
		var ids []string
		for range 9 {
			ids = append(ids, c.publish(t).ID)
		}
		for _, id := range ids {
			assert.Len(t, c.attempts(t, c.awaitStatus(t, id, success).ID), 1, "to wait for a turn is no attempt")
		}
		arrived := hook.all()
		require.Len(t, arrived, len(ids))
		var last time.Time
		for _, a := range arrived {
			if a.at.After(last) {
				last = a.at
			}
		}
		// The keys of the in-process Redis expire up to a second early, which allows one or two more requests.
		assert.GreaterOrEqual(t, last.Sub(begin), 1500*time.Millisecond, "nine at four a second take two seconds")
	})
}

func TestSignatureWithOwnSecretVerifies(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook := newReceiver(t)
		for _, size := range []int{24, 25, 32, 64} {
			own := ownSecret(size)
			made := c.create(t, hook.on(fmt.Sprint("/", size), status(200)), fmt.Sprintf(`"signingSecret":"%s","subscribedEventTypes":["own.%d"]`, own, size))
			assert.Equal(t, own, made.SigningSecret)
			id := c.publishEvent(t, fmt.Sprintf(`{"eventType":"own.%d","data":{}}`, size)).Deliveries[0].ID
			require.NoError(t, verify(t, own, hook.await(t, id, 1)[0]))
			assert.NotContains(t, string(c.get(t, base).body), strings.TrimPrefix(own, "whsec_"))
		}
	})
}

func TestSignatureInvalidOwnSecretIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		for _, secret := range []string{
			"", "whsec_", "canary", "whsec_canary", ownSecret(23), ownSecret(65), strings.TrimPrefix(ownSecret(32), "whsec_"), strings.TrimRight(ownSecret(32), "="),
			strings.Repeat("canary", 1000),
		} {
			answer := c.call(t, request{method: http.MethodPost, path: base, body: `{"name":"n","url":"http://127.0.0.1:2/","signingSecret":"` + secret + `"}`, wrong: true})
			assert.Equal(t, "signingSecret", answer.refused(t, http.StatusBadRequest, "invalid_secret").Details[0].Field)
			if secret != "" && secret != "whsec_" {
				assert.False(t, bytes.Contains(answer.body, []byte(secret)), "what was sent is not sent back")
			}
		}
	})
}

func TestSecretWithoutOverlapEndsTheOldOne(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		first := c.register(t, url, 0)
		second := data[endpointSecret](t, c.regenerate(t, first.Endpoint.ID, `{"overlapHours":168}`))
		a := hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, first.SigningSecret, a))
		require.NoError(t, verify(t, second.SigningSecret, a))

		third := data[endpointSecret](t, c.regenerate(t, first.Endpoint.ID, `{"overlapHours":0}`))
		a = hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, third.SigningSecret, a))
		require.Error(t, verify(t, first.SigningSecret, a))
		require.Error(t, verify(t, second.SigningSecret, a))
		assert.Len(t, strings.Fields(a.header.Get("webhook-signature")), 1)
	})
}

func TestSecretInvalidOverlapIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		made := c.register(t, url, 0)
		for body, reason := range map[string]string{
			`{"overlapHours":-1}`: "out_of_range", `{"overlapHours":169}`: "out_of_range", `{"overlapHours":1.5}`: "invalid_type",
			`{"overlapHours":"24"}`: "invalid_type", `{"overlapHours":null}`: "null_not_allowed", `{"hours":1}`: "unknown_field",
			`{"overlapHours":1,"overlapHours":2}`: "duplicate_field",
		} {
			c.call(t, request{method: http.MethodPost, path: base + "/" + made.Endpoint.ID + "/regenerate-secret", body: body, wrong: true}).
				refused(t, http.StatusBadRequest, reason)
		}
		a := hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, made.SigningSecret, a), "what is refused changes nothing")
		assert.Len(t, strings.Fields(a.header.Get("webhook-signature")), 1)
	})
}

func TestSecretFiftyFirstIsRefused(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		c := s.organization(t)
		hook, url := answering(t, status(200))
		first := c.register(t, url, 0)
		for range 49 {
			require.Equal(t, http.StatusOK, c.regenerate(t, first.Endpoint.ID, "").status)
		}
		c.regenerate(t, first.Endpoint.ID, "").refused(t, http.StatusBadRequest, "too_many_secrets")
		a := hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, first.SigningSecret, a), "the first was promised a day")
		assert.Len(t, strings.Fields(a.header.Get("webhook-signature")), 50)

		last := data[endpointSecret](t, c.regenerate(t, first.Endpoint.ID, `{"overlapHours":0}`))
		require.NoError(t, verify(t, last.SigningSecret, hook.await(t, c.publish(t).ID, 1)[0]))
	})
}
