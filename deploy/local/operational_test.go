package local_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/local"
)

// call makes a request with the platform key for an organization, and returns the data of the answer.
func call(t *testing.T, l *local.Local, dir, organization, method, path, body string) (data json.RawMessage) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, "platform-key"))
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, l.Addresses().API+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(key)))
	request.Header.Set("X-Org-Id", organization)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { assert.NoError(t, response.Body.Close()) }()
	var answer struct{ Data json.RawMessage }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
	require.Equal(t, http.StatusOK, response.StatusCode, "%s %s: %s", method, path, answer.Data)
	return answer.Data
}

func TestOperationsOrganizationGetsEventsOfOthers(t *testing.T) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	o := options(t.TempDir())
	o.OperationsOrganization = "platform"
	l := start(t, o)
	for _, organization := range []string{"platform", "customer"} {
		call(t, l, o.Dir, organization, http.MethodPut, "/v1/organizations/"+organization, `{}`)
	}
	body := `{"name":"hooks","url":"` + l.Addresses().Receiver + `","subscribedEventTypes":["run.finished"]}`
	var made struct{ Endpoint struct{ ID string } }
	require.NoError(t, json.Unmarshal(call(t, l, o.Dir, "customer", http.MethodPost, "/v1/execution-webhooks", body), &made))
	call(t, l, o.Dir, "customer", http.MethodPost, "/v1/execution-webhooks/"+made.Endpoint.ID+"/disable", "")

	const events = "/v1/execution-webhooks/events?eventType=redrive.endpoint.disabled"
	for _, organization := range []string{"customer", "platform"} {
		found := string(call(t, l, o.Dir, organization, http.MethodGet, events, ""))
		assert.Contains(t, found, `"data":{"organizationId":"customer"`, organization)
		assert.Contains(t, found, made.Endpoint.ID, organization)
	}
}

// A start searches for the latest failure. It skips a failure of a deleted endpoint.
func TestStartAfterEndpointOfFailureWasDeleted(t *testing.T) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	o := options(t.TempDir())
	first := start(t, o)
	seed(t, first)
	var listed struct{ Items []struct{ EndpointID string } }
	require.NoError(t, json.Unmarshal(call(t, first, o.Dir, "org_local", http.MethodGet, "/v1/execution-webhooks/deliveries", ""), &listed))
	require.Len(t, listed.Items, 1)
	call(t, first, o.Dir, "org_local", http.MethodDelete, "/v1/execution-webhooks/"+listed.Items[0].EndpointID, "")
	require.NoError(t, first.Stop(t.Context()))

	again := start(t, o)
	seed(t, again)
	require.NoError(t, again.Announce())
	var text strings.Builder
	require.NoError(t, again.Welcome(t.Context(), &text))
	assert.Contains(t, text.String(), "Redrive is running")
}
