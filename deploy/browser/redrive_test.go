package browser

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

const password = "a-password-of-the-operator"

// running is a running Redrive and the key of an organization.
type running interface {
	URL() string
	Key() string
}

// redrive is a running Redrive with a receiver that answers with errors until it is healed.
type redrive struct {
	running
	receiver string
	healed   atomic.Bool
}

func start(t *testing.T) *redrive {
	t.Helper()
	r := &redrive{running: stack.Processes(t, stack.Options{OperatorPassword: password})}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !r.healed.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(receiver.Close)
	r.receiver = receiver.URL
	return r
}

func (r *redrive) host(t *testing.T) string {
	t.Helper()
	parsed, err := url.Parse(r.URL())
	require.NoError(t, err)
	return parsed.Host
}

// delivery has the fields of a delivery that the tests read.
type delivery struct{ ID, Status string }

func (r *redrive) call(t require.TestingT, method, path, body string, data any) {
	request, err := http.NewRequest(method, r.URL()+"/v1/execution-webhooks"+path, bytes.NewBufferString(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+r.Key())
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.NoError(t, json.NewDecoder(response.Body).Decode(&struct{ Data any }{data}))
}

// failed publishes an event whose only delivery ends in failure, and returns its ID.
func (r *redrive) failed(t *testing.T) string {
	t.Helper()
	r.call(t, http.MethodPost, "", `{"name":"refusing","url":"`+r.receiver+`","maxRetries":0}`, nil)
	var published struct{ Deliveries []delivery }
	r.call(t, http.MethodPost, "/events", `{"eventType":"run.finished","data":{"ok":true}}`, &published)
	require.Len(t, published.Deliveries, 1)
	r.await(t, published.Deliveries[0].ID, "failure")
	return published.Deliveries[0].ID
}

func (r *redrive) await(t *testing.T, id, status string) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		var d delivery
		r.call(c, http.MethodGet, "/deliveries/"+id, "", &d)
		assert.Equal(c, status, d.Status)
	}, patience, 20*time.Millisecond)
}
