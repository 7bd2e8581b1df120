package docs_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/signing"
)

// capture is a receiver that records the bytes that are sent to it.
func capture(t *testing.T) (url string, requests <-chan string) {
	t.Helper()
	sent := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if raw, err := httputil.DumpRequest(r, true); err == nil {
			sent <- string(raw)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, sent
}

func next(t *testing.T, requests <-chan string) string {
	t.Helper()
	select {
	case raw := <-requests:
		return raw
	case <-time.After(patience):
		require.Fail(t, "no webhook has arrived")
		return ""
	}
}

// changing are the parts of a webhook that differ from one webhook to the next.
var changing = regexp.MustCompile(`(Host: |Content-Length: |Redrive/|Webhook-Signature: v1,|Webhook-Timestamp: |(?:dlv|evt)_|"timestamp":"|"organizationId":")[^\s"]+`)

// TestPagesWebhookMatchesASentOne publishes the event of the pages and compares the webhook that a receiver gets.
func TestPagesWebhookMatchesASentOne(t *testing.T) {
	shown := read(t, "pkg/guides/concepts.md").in(t, "http")
	assert.Equal(t, shown, read(t, "README.md").in(t, "http"), "README and concepts show the same webhook")

	r := run(t)
	url, requests := capture(t)
	r.call(t, r.key(t), http.MethodPost, "", map[string]any{"name": "shown", "url": url + "/redrive"}, nil)
	_, body, _ := strings.Cut(shown, "\n\n")
	require.Contains(t, body, `"data":{"status":"succeeded","durationMs":5310}}`)
	r.call(t, r.key(t), http.MethodPost, "/events", map[string]any{
		"eventType": "run.finished", "workflowId": "wf_invoices", "runId": "run_8841", "executionId": "exe_1207",
		"data": map[string]any{"status": "succeeded", "durationMs": 5310},
	}, nil)
	sent := strings.ReplaceAll(next(t, requests), "\r\n", "\n")
	// A map is published with its keys in alphabetical order.
	sent = strings.Replace(sent, `{"durationMs":5310,"status":"succeeded"}`, `{"status":"succeeded","durationMs":5310}`, 1)
	assert.Equal(t, changing.ReplaceAllString(strings.TrimSpace(shown), "$1…"), changing.ReplaceAllString(sent, "$1…"))
}

func TestPagesWebhookVerifies(t *testing.T) {
	page := read(t, "pkg/guides/concepts.md")
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimSpace(page.in(t, "http")))))
	require.NoError(t, err)
	body, err := io.ReadAll(request.Body)
	require.NoError(t, err, "Content-Length is that of the body")
	key, err := signing.Parse(regexp.MustCompile(`whsec_[A-Za-z0-9+/=]{20,}`).FindString(page.text))
	require.NoError(t, err)
	made := regexp.MustCompile(`"timestamp":"([^"]+)"`).FindStringSubmatch(string(body))
	at, err := time.Parse("2006-01-02T15:04:05.000000Z", made[1])
	require.NoError(t, err)
	require.NoError(t, signing.Verify(request.Header, body, at, signing.DefaultTolerance, key))
}
