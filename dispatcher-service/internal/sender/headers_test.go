package sender

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/pkg/webhook"
)

func TestTheEndpointsOwnHeadersAreSentAndMaskedOnRecord(t *testing.T) {
	received := make(chan http.Header, 2)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.Header }))
	t.Cleanup(server.Close)
	d := newDispatch(t, server.URL)
	d.Endpoint.Headers = map[string]webhook.Secret{
		"Authorization": "Bearer canary", "x-TEAM": "canary blue",
		// No endpoint can have these; ours would be the last word all the same.
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

// What was saved by a program that knew less must neither break out of its line nor be quoted.
func TestAHeaderThatCannotBeSentIsNotQuoted(t *testing.T) {
	d := newDispatch(t, "http://127.0.0.1:9/")
	d.Endpoint.Headers = map[string]webhook.Secret{"X-Key": "canary\r\nX-Injected: canary"}
	result := send(t, newSender(t), d)
	assert.Zero(t, result.ResponseStatus)
	assert.NotContains(t, fmt.Sprintf("%+v", result), "canary")
}
