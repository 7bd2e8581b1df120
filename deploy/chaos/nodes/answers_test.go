package nodes

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnswersAreCounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/later":
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/unavailable":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/broken":
			panic(http.ErrAbortHandler)
		case "/mistake":
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer server.Close()
	transport := &answers{next: &http.Transport{}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	get := func(path string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, http.NoBody)
		require.NoError(t, err)
		if response, err := client.Do(request); err == nil {
			require.NoError(t, response.Body.Close())
		}
	}
	get("/later")
	since := time.Now()
	for _, path := range []string{"/later", "/unavailable", "/broken", "/mistake", "/"} {
		get(path)
	}
	refused, others, last := transport.errors(since)
	assert.Equal(t, 1, refused, "what began earlier does not count")
	assert.Equal(t, 2, others, "503 without Retry-After, and no answer")
	assert.True(t, last.After(since))
	assert.LessOrEqual(t, transport.success(since), time.Since(since))
	refused, others, last = transport.errors(time.Now())
	assert.Zero(t, refused+others)
	assert.Zero(t, last)
}
