package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/app"
	"redrive/pkg/webhook"
)

type apiKey struct {
	ID         string
	Key        string
	LastUsedAt time.Time
}

// ask sends a request to the API for keys and closes the connection.
func ask(t *testing.T, service *app.App, method, path, key, body string) (int, apiKey) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: safetyLimit}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+service.Addr()+"/v1/api-keys"+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer struct{ Data apiKey }
	require.NoError(t, json.NewDecoder(bytes.NewReader(text)).Decode(&answer), "%s", text)
	return response.StatusCode, answer.Data
}

// A revoked key is refused at once by the process that revoked it, and within a second by others.
func TestRevokedKeyRefusedAtOnceHereAndWithinASecondElsewhere(t *testing.T) {
	s, r := servers(t)
	here, elsewhere := started(t, options(s, r)), started(t, options(s, r))
	writer := newKey(t, s)
	for range 5 {
		_, made := ask(t, here, http.MethodPost, "", writer, `{"name":"n"}`)
		require.Equal(t, 200, list(t, here, made.Key))
		require.Equal(t, 200, list(t, elsewhere, made.Key), "a new key is known to all")
		status, _ := ask(t, here, http.MethodDelete, "/"+made.ID, writer, "")
		require.Equal(t, 200, status)
		revoked := time.Now()
		require.Equal(t, 401, list(t, here, made.Key))
		require.Eventually(t, func() bool { return list(t, elsewhere, made.Key) == 401 }, safetyLimit, 5*time.Millisecond)
		t.Logf("refused elsewhere after %s", time.Since(revoked))
	}
}

// The last use of a key is recorded shortly after it, and before the service ends.
func TestKeyLastUseIsRecorded(t *testing.T) {
	s, r := servers(t)
	service := started(t, options(s, r))
	writer := newKey(t, s)
	begin := webhook.Now()
	_, idle := ask(t, service, http.MethodPost, "", writer, `{"name":"idle"}`)
	_, used := ask(t, service, http.MethodPost, "", writer, `{"name":"used"}`)
	require.Equal(t, 200, list(t, service, used.Key))
	var now apiKey
	require.Eventually(t, func() bool {
		_, now = ask(t, service, http.MethodGet, "/"+used.ID, writer, "")
		return !now.LastUsedAt.IsZero()
	}, safetyLimit, 20*time.Millisecond)
	assert.False(t, now.LastUsedAt.Before(begin))
	_, now = ask(t, service, http.MethodGet, "/"+idle.ID, writer, "")
	assert.Zero(t, now.LastUsedAt)

	require.Equal(t, 200, list(t, service, idle.Key))
	require.NoError(t, service.Stop(t.Context()))
	found, err := s.FindAPIKey(t.Context(), "org_a", idle.ID)
	require.NoError(t, err)
	assert.False(t, found.LastUsedAt.Before(begin), "it was written on the way out")
}

func TestLimitsOptionApplies(t *testing.T) {
	s, r := servers(t)
	o := options(s, r)
	o.Limits = app.Limits{PerKey: 1, Unauthenticated: 1}
	o.CORSOrigins = []string{"https://app.example.com"}
	service := started(t, o)
	key := newKey(t, s)
	for _, caller := range []string{key, ""} {
		require.Eventually(t, func() bool { // sequential requests could be slower than the limit
			var limited atomic.Int32
			var group sync.WaitGroup
			for range 20 {
				group.Go(func() {
					if status, _, err := get(t, service.Addr(), "/v1/execution-webhooks", caller); err == nil && status == 429 {
						limited.Add(1)
					}
				})
			}
			group.Wait()
			return limited.Load() > 2
		}, safetyLimit, time.Millisecond)
	}
}
