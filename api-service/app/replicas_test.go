package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
)

// A change is visible at once in the replica that made it, and within a second in the other.
func TestChangeIsVisibleInEveryReplica(t *testing.T) {
	s, r := servers(t)
	here, there := started(t, options(s, r)), started(t, options(s, r))
	key := newKey(t, s)
	require.Zero(t, publishTo(t, here, key), "remembered: nobody subscribes")
	require.Zero(t, publishTo(t, there, key))

	endpoint := create(t, here, key)
	assert.Equal(t, 1, publishTo(t, here, key), "at once where it was registered")
	reaches(t, there, key, 1, "registered")

	post(t, here, "/v1/execution-webhooks/"+endpoint+"/disable", key, "", nil)
	assert.Zero(t, publishTo(t, here, key), "at once where it was disabled")
	reaches(t, there, key, 0, "disabled")

	post(t, there, "/v1/execution-webhooks/"+endpoint+"/enable", key, "", nil)
	assert.Equal(t, 1, publishTo(t, there, key), "at once where it was enabled")
	reaches(t, here, key, 1, "enabled")
}

// reaches publishes until the replica creates the given number of deliveries, and checks that the number stays.
func reaches(t *testing.T, replica *app.App, key string, deliveries int, what string) {
	t.Helper()
	changed := time.Now()
	for publishTo(t, replica, key) != deliveries {
		require.Less(t, time.Since(changed), safetyLimit, "%s: the other replica has never heard of it", what)
	}
	t.Logf("%s: known to the other replica after %s", what, time.Since(changed).Round(time.Millisecond))
	for range 20 {
		require.Equal(t, deliveries, publishTo(t, replica, key), "%s: and forgotten again", what)
	}
}

func publishTo(t *testing.T, replica *app.App, key string) (deliveries int) {
	t.Helper()
	var answer struct {
		Data struct{ Deliveries []struct{ ID string } }
	}
	post(t, replica, "/v1/execution-webhooks/events", key, `{"eventType":"run.finished","data":{}}`, &answer)
	return len(answer.Data.Deliveries)
}

func create(t *testing.T, replica *app.App, key string) (id string) {
	t.Helper()
	var answer struct {
		Data struct{ Endpoint struct{ ID string } }
	}
	post(t, replica, "/v1/execution-webhooks", key, `{"name":"a","url":"https://example.com/"}`, &answer)
	return answer.Data.Endpoint.ID
}

// post sends JSON and decodes the answer. It closes the connection, as get does.
func post(t *testing.T, replica *app.App, path, key, body string, answer any) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: safetyLimit}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+replica.Addr()+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, 200, response.StatusCode, "%s", text)
	if answer != nil {
		require.NoError(t, json.Unmarshal(text, answer))
	}
}
