package receiver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/receiver"
	"redrive/pkg/signing"
)

type shown struct {
	Flaky    string
	Received []struct {
		Path, WebhookID, Signature string
		Answered                   int
		Body                       json.RawMessage
	}
}

func start(t *testing.T, keys receiver.Keys) string {
	t.Helper()
	server := httptest.NewServer(receiver.New(keys))
	t.Cleanup(server.Close)
	return server.URL
}

func post(t *testing.T, url, id, body string, key signing.Key) int {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(body)))
	require.NoError(t, err)
	now := time.Now()
	signature, err := signing.Sign("dlv_signed", now, []byte(body), key)
	require.NoError(t, err)
	request.Header.Set(signing.HeaderID, id)
	request.Header.Set(signing.HeaderTimestamp, fmt.Sprint(now.Unix()))
	request.Header.Set(signing.HeaderSignature, signature)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func look(t *testing.T, base string) (page shown) {
	t.Helper()
	response, err := http.Get(base + "/")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &page))
	return page
}

func TestFlakyFailsUntilHealed(t *testing.T) {
	secret, err := signing.NewSecret()
	require.NoError(t, err)
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	base := start(t, func(*http.Request) ([]signing.Key, error) { return []signing.Key{key}, nil })

	assert.Equal(t, 200, post(t, base+"/ok", "dlv_signed", `{"a":1}`, key))
	assert.Equal(t, 500, post(t, base+"/flaky", "dlv_signed", `{"a":2}`, key))
	assert.Equal(t, 200, post(t, base+"/heal", "", "", key))
	assert.Equal(t, 200, post(t, base+"/flaky", "dlv_other", `not JSON`, key))
	assert.Equal(t, 404, post(t, base+"/nowhere", "", "", key))

	page := look(t, base)
	assert.Contains(t, page.Flaky, "healed")
	require.Len(t, page.Received, 3, "the latest first")
	assert.Equal(t, "invalid", page.Received[0].Signature, "another id than was signed")
	assert.JSONEq(t, `"not JSON"`, string(page.Received[0].Body))
	assert.Equal(t, 500, page.Received[1].Answered)
	assert.Equal(t, "verified", page.Received[2].Signature)
	assert.Equal(t, "/ok", page.Received[2].Path)
}

func TestVerificationWithoutKeysClaimsNothing(t *testing.T) {
	secret, err := signing.NewSecret()
	require.NoError(t, err)
	key, err := signing.Parse(secret)
	require.NoError(t, err)
	base := start(t, func(*http.Request) ([]signing.Key, error) { return nil, nil })
	for range 120 {
		post(t, base+"/ok", "dlv_signed", `{}`, key)
	}
	page := look(t, base)
	assert.Len(t, page.Received, 100, "bounded")
	assert.Contains(t, page.Received[0].Signature, "not checked")
}

func TestFlakyBrokenAgainFails(t *testing.T) {
	handler := receiver.New(func(*http.Request) ([]signing.Key, error) { return nil, nil })
	ask := func(path string, headers ...string) int {
		request := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		if len(headers) == 2 {
			request.Header.Set(headers[0], headers[1])
		}
		r := httptest.NewRecorder()
		handler.ServeHTTP(r, request)
		return r.Code
	}
	assert.Equal(t, 500, ask("/flaky"))
	assert.Equal(t, 403, ask("/heal", "Sec-Fetch-Site", "cross-site"))
	assert.Equal(t, 403, ask("/heal", "Origin", "https://evil.example"))
	assert.Equal(t, 403, ask("/heal", "Origin", "null"))
	assert.Equal(t, 500, ask("/flaky"))
	assert.Equal(t, 200, ask("/heal"))
	assert.Equal(t, 200, ask("/flaky"))
	assert.Equal(t, 200, ask("/break"))
	assert.Equal(t, 500, ask("/flaky"))
}
