//go:build !containers

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// canaries are secrets that no other text contains.
const (
	canarySecret   = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"
	canaryHeader   = "canary-of-a-header"
	canaryQuery    = "canary-of-a-query"
	canaryPassword = "canary-of-a-password"
)

// TestSecretsAppearInNoOutput runs through success, failure, retries, refusals and a Redis outage. Then it searches every line of every log,
// every answer and every metric.
func TestSecretsAppearInNoOutput(t *testing.T) {
	processes := stack.Processes(t, stack.Options{OperatorPassword: canaryPassword})
	for _, service := range append(processes.Dispatchers(), processes.API()) {
		for _, canary := range processes.Secrets() {
			service.Forbid(canary)
		}
		for _, canary := range []string{canarySecret, canaryHeader, canaryQuery} {
			service.Forbid(canary)
		}
	}
	s := newSuite(t, processes)
	c := s.organization(t)
	hook, url := answering(t, status(500), status(200))
	register := func(url string) endpoint {
		return data[endpointSecret](t, c.post(t, base, toJSON(t, map[string]any{
			"name": "n", "url": url + "?token=" + canaryQuery, "maxRetries": 0, "signingSecret": canarySecret,
			"headers": map[string]string{"Authorization": "Bearer " + canaryHeader},
		}))).Endpoint
	}
	reached := register(url)
	failed := c.failed(t)
	c.retry(t, failed.ID)
	hook.await(t, failed.ID, 2)
	c.awaitStatus(t, failed.ID, success)
	c.disable(t, reached.ID)
	register("http://127.0.0.1:2/nobody")
	unreachable := c.failed(t)

	answers := []reply{
		c.get(t, deliveries+"/"+failed.ID), c.get(t, deliveries+"/"+failed.ID+"/attempts"), c.get(t, deliveries),
		c.get(t, deliveries+"/"+unreachable.ID), c.get(t, deliveries+"/"+unreachable.ID+"/attempts"),
		c.postWrong(t, base, `{"name":"n","url":"http://user:`+canaryPassword+`@127.0.0.1/"}`),
		c.postWrong(t, base, `{"name":"n","url":"http://10.0.0.1/?token=`+canaryQuery+`","headers":{"X-A":"`+canaryHeader+"\\u0000"+`"}}`),
		c.postWrong(t, base, `{"name":"n","url":"http://127.0.0.1/","signingSecret":"`+canarySecret+`!"}`),
		c.postWrong(t, base+"/"+reached.ID+"/regenerate-secret", `{"`+canarySecret+`":1}`[:2]),
		c.call(t, request{method: http.MethodGet, path: base, header: http.Header{"Authorization": {"Bearer " + c.key + "x"}}, wrong: true}),
		c.call(t, request{method: http.MethodGet, path: base, header: http.Header{"Authorization": {"Basic " + c.key}}, wrong: true}),
	}
	require.NoError(t, processes.Redis().Stop())
	c.retry(t, unreachable.ID)
	require.NoError(t, processes.Redis().Restart(t.Context()))
	c.awaitStatus(t, unreachable.ID, failure)

	said := make([]string, 0, len(answers)+len(processes.OpsURLs()))
	for _, answer := range answers {
		said = append(said, string(answer.body))
	}
	for _, ops := range processes.OpsURLs() {
		for _, path := range []string{"/metrics", "/readyz"} {
			code, text := s.visit(t, ops+path, "", "")
			require.Equal(t, http.StatusOK, code)
			said = append(said, text)
		}
	}
	secrets := append(processes.Secrets(), c.key, canarySecret, canaryHeader, canaryQuery, canaryPassword)
	for _, text := range said {
		for _, secret := range secrets {
			assert.False(t, strings.Contains(text, secret), "%.12s… is in %s", secret, text)
		}
	}
}
