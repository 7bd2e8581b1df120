package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// operatorPassword opens the queue's web UI of the shared stack.
const operatorPassword = "correct horse battery staple"

// visit sends a request with the headers of a browser.
func (s *suite) visit(t *testing.T, url, user, password string) (int, string) {
	t.Helper()
	built, err := http.NewRequest(http.MethodGet, url, nil)
	require.NoError(t, err)
	if user != "" {
		built.SetBasicAuth(user, password)
	}
	response, err := s.http.Do(built)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

func TestQueuePageNeedsThePassword(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		if _, asks := s.stack.(stack.Operated); !asks {
			t.Skip("this stack's queue page is open")
		}
		url := s.stack.URL() + "/queues"
		code, page := s.visit(t, url, "operator", operatorPassword)
		assert.Equal(t, http.StatusOK, code)
		assert.Contains(t, page, "<html")
		assert.NotContains(t, page, "fonts.googleapis")
		assert.NotContains(t, page, "fonts.gstatic")
		code, page = s.visit(t, url+"/api/queues", "operator", operatorPassword)
		assert.Equal(t, http.StatusOK, code, page)
		assert.Contains(t, page, `"deliveries"`)

		for _, path := range []string{url, url + "/", url + "/api/queues", url + "/static/js/main.js"} {
			for _, who := range [][2]string{{"", ""}, {"operator", "wrong"}, {"operator", ""}, {"admin", operatorPassword}, {operatorPassword, ""}} {
				code, page := s.visit(t, path, who[0], who[1])
				assert.Equal(t, http.StatusUnauthorized, code, "%s as %q", path, who[0])
				assert.NotContains(t, page, "<html")
			}
		}
		answer := s.client("", s.stack.Key()).call(t, request{method: http.MethodGet, path: "/queues"})
		assert.Equal(t, http.StatusUnauthorized, answer.status, "an API key is no operator's password")
	})
}

func TestOpsPortServesHealthAndMetrics(t *testing.T) {
	onEachStack(t, func(t *testing.T, s *suite) {
		for _, url := range s.stack.OpsURLs() {
			for path, want := range map[string]string{"/livez": `"status":"ok"`, "/readyz": `"database":"ok"`, "/metrics": "go_goroutines"} {
				code, body := s.visit(t, url+path, "", "")
				assert.Equal(t, http.StatusOK, code, path)
				assert.Contains(t, body, want)
			}
		}
	})
}
