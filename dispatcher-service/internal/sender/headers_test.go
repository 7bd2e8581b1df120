package sender

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/signing"
	"redrive/pkg/webhook"
)

func TestEndpointHeadersAreSentAndRecordedMasked(t *testing.T) {
	received := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.Header }))
	t.Cleanup(server.Close)
	d := newDispatch(t, server.URL)
	d.Endpoint.Headers = map[string]webhook.Secret{
		"Authorization": "Bearer canary", "x-TEAM": "canary blue",
		// No endpoint can have these headers. If one had them, ours would override them.
		"webhook-id": "canary", "Content-Type": "text/canary",
	}
	s := newSender(t)
	for range 2 {
		result := send(t, s, d)
		got := <-received
		assert.Equal(t, []string{"Bearer canary"}, got.Values("Authorization"))
		assert.Equal(t, []string{"canary blue"}, got.Values("X-Team"))
		assert.Equal(t, []string{d.Delivery.ID}, got.Values("Webhook-Id"))
		assert.Equal(t, []string{"application/json"}, got.Values("Content-Type"))

		assert.Equal(t, "****", result.RequestHeaders["Authorization"])
		assert.Equal(t, "****", result.RequestHeaders["X-Team"])
		assert.NotContains(t, fmt.Sprintf("%+v", result), "canary")
	}
}

// A header that an earlier version saved must neither break out of its line nor be quoted.
func TestUnsendableHeaderIsNotQuoted(t *testing.T) {
	d := newDispatch(t, "http://127.0.0.1:9/")
	d.Endpoint.Headers = map[string]webhook.Secret{"X-Key": "canary\r\nX-Injected: canary"}
	result := send(t, newSender(t), d)
	assert.Zero(t, result.ResponseStatus)
	assert.NotContains(t, fmt.Sprintf("%+v", result), "canary")
}

// receiver answers 200 and reports each request with its body.
func receiver(t *testing.T) (url string, received <-chan *http.Request, bodies <-chan []byte) {
	t.Helper()
	requests, contents := make(chan *http.Request, 4), make(chan []byte, 4)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		requests <- r
		contents <- body
	}))
	t.Cleanup(server.Close)
	return server.URL, requests, contents
}

func TestPayloadDataIsThePublishedBytes(t *testing.T) {
	url, requests, bodies := receiver(t)
	d := newDispatch(t, url)
	d.Event.Data = []byte("{ \"b\":1.50,\n\t\"a\" : 12345678901234567890 }")
	d.Endpoint.Payload = webhook.PayloadData
	large := d
	whole, err := d.Event.Body()
	require.NoError(t, err)
	large.Body, large.Omitted, large.Event.Data = whole, int64(len(d.Event.Data)), nil
	for name, dispatch := range map[string]webhook.Dispatch{"loaded": d, "large": large} {
		result := send(t, newSender(t), dispatch)
		require.Equal(t, http.StatusOK, result.ResponseStatus)
		request, body := <-requests, <-bodies
		assert.Equal(t, string(d.Event.Data), string(body), name)
		for header, want := range map[string]string{
			"webhook-event-type": "run.finished", "webhook-event-id": d.Event.ID, "webhook-event-timestamp": webhook.FormatTime(d.Event.CreatedAt),
			"content-type": "application/json", "webhook-id": d.Delivery.ID,
		} {
			assert.Equal(t, []string{want}, request.Header.Values(header), name)
			assert.Equal(t, want, result.RequestHeaders[http.CanonicalHeaderKey(header)], name)
		}
		keys, err := signing.ParseAll(d.Endpoint.LiveSecrets(result.StartedAt))
		require.NoError(t, err)
		signature, err := signing.Sign(d.Delivery.ID, result.StartedAt, body, keys...)
		require.NoError(t, err)
		assert.Equal(t, signature, request.Header.Get("webhook-signature"), "the signature covers what was sent")
	}
}

func TestPayloadEnvelopeHasNoEventHeaders(t *testing.T) {
	url, requests, bodies := receiver(t)
	for _, form := range []webhook.Payload{"", webhook.PayloadEnvelope} {
		d := newDispatch(t, url)
		d.Endpoint.Payload = form
		send(t, newSender(t), d)
		body, err := d.Event.Body()
		require.NoError(t, err)
		assert.Equal(t, string(body), string(<-bodies))
		assert.Empty(t, (<-requests).Header.Values("Webhook-Event-Type"))
	}
}

func TestSignatureHeaderIsPlainHMACOfTheNewestSecret(t *testing.T) {
	url, requests, bodies := receiver(t)
	d := newDispatch(t, url)
	d.Endpoint.SignatureHeader = "x-platform-signature"
	newest, _ := newSecret(t)
	old := d.Endpoint.SigningSecrets[0]
	old.ExpiresAt = time.Now().Add(time.Hour)
	d.Endpoint.SigningSecrets = []webhook.SigningSecret{{Value: newest}, old}
	result := send(t, newSender(t), d)
	request, body := <-requests, <-bodies
	require.Contains(t, newest.Reveal(), "whsec_")
	mac := hmac.New(sha256.New, []byte(newest.Reveal()))
	mac.Write(body)
	assert.Equal(t, []string{hex.EncodeToString(mac.Sum(nil))}, request.Header.Values("X-Platform-Signature"))
	assert.Len(t, strings.Fields(request.Header.Get("webhook-signature")), 2, "the Standard Webhooks signature has both secrets")
	assert.NotContains(t, fmt.Sprintf("%+v", result), newest.Reveal())

	d.Endpoint.SignatureHeader = ""
	send(t, newSender(t), d)
	<-bodies
	assert.Empty(t, (<-requests).Header.Values("X-Platform-Signature"))
}

func TestSendTestDeliveryIsMarked(t *testing.T) {
	received := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.Header }))
	t.Cleanup(server.Close)
	d, s := newDispatch(t, server.URL), newSender(t)
	send(t, s, d)
	assert.Empty(t, (<-received).Values("Webhook-Test"))
	d.Delivery.Test = true
	result := send(t, s, d)
	assert.Equal(t, []string{"true"}, (<-received).Values("Webhook-Test"))
	assert.Equal(t, "true", result.RequestHeaders["Webhook-Test"], "it is on record")
}
