package compose_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// client is a client of the API, or of the queue's web UI.
type client struct {
	t         *testing.T
	authorize func(*http.Request)
}

func (c client) call(method, url, body string) (status int, answer map[string]any) {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	require.NoError(c.t, err)
	c.authorize(request)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(c.t, err)
	_ = json.Unmarshal(text, &answer) // a page is no JSON
	return response.StatusCode, answer
}

func holder(t *testing.T, key string) client {
	return client{t, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) }}
}

func operator(t *testing.T, password string) client {
	return client{t, func(r *http.Request) { r.SetBasicAuth("operator", password) }}
}

func TestStackStartsServesAndStops(t *testing.T) {
	values := environment(t)
	s := start(t, project(t, values))
	webhooks := s.url("api-service") + "/v1/execution-webhooks"
	caller := holder(t, s.key(t))

	status, answer := caller.call(http.MethodGet, webhooks, "")
	require.Equal(t, http.StatusOK, status, answer)
	status, answer = caller.call(http.MethodPost, webhooks+"/events", `{"eventType": "run.finished", "data": {"ok": true}}`)
	require.Equal(t, http.StatusOK, status, answer)

	for _, private := range []string{"http://receiver:8099/ok", "https://127.0.0.1/", "https://10.213.7.250:8099/ok"} {
		status, answer = caller.call(http.MethodPost, webhooks, `{"name": "private", "url": "`+private+`"}`)
		assert.Equal(t, http.StatusBadRequest, status, "%s: %v", private, answer)
	}

	queues := s.url("api-service") + "/queues"
	status, _ = operator(t, values["OPERATOR_PASSWORD"]).call(http.MethodGet, queues, "")
	assert.Equal(t, http.StatusOK, status)
	status, _ = operator(t, "wrong").call(http.MethodGet, queues, "")
	assert.Equal(t, http.StatusUnauthorized, status)

	s.stop(t)
}

func TestDemoDeliversToItsReceiver(t *testing.T) {
	s := start(t, demo(t))
	webhooks := s.url("api-service") + "/v1/execution-webhooks"
	caller := holder(t, s.key(t))
	status, answer := caller.call(http.MethodPost, webhooks, `{"name": "sample", "url": "`+s.url("receiver")+`/ok"}`)
	require.Equal(t, http.StatusOK, status, answer)
	status, answer = caller.call(http.MethodPost, webhooks+"/events", `{"eventType": "run.finished", "data": {"ok": true}}`)
	require.Equal(t, http.StatusOK, status, answer)

	require.Eventually(t, func() bool {
		_, answer = caller.call(http.MethodGet, webhooks+"/deliveries", "")
		delivery := answer["data"].(map[string]any)["items"].([]any)[0].(map[string]any)
		return delivery["status"] == "success"
	}, startLimit, 100*time.Millisecond)
	_, answer = caller.call(http.MethodGet, s.url("receiver")+"/", "")
	assert.Len(t, answer["received"], 1)

	s.stop(t)
}
