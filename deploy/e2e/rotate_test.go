//go:build !containers

package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// step is a step of the rotation in operations.md: the setting, and whether the stored secrets are encrypted again then.
var step = regexp.MustCompile("(?s)\\n\\d\\. `SECRETS_KEY=([a-z,]+)`(.*?)(?:\\n\\d|$)")

// steps reads the steps from the guide.
func steps(t *testing.T) (settings []string, isRotation []bool) {
	t.Helper()
	guide, err := os.ReadFile("../../pkg/guides/operations.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(guide), "\n### Changing SECRETS_KEY\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	for len(section) > 0 {
		at := step.FindStringSubmatchIndex(section)
		if at == nil {
			break
		}
		settings = append(settings, section[at[2]:at[3]])
		isRotation = append(isRotation, strings.Contains(section[at[4]:at[5]], "\n   bin/api-service rotate-secrets\n"))
		section = section[at[5]:]
	}
	return settings, isRotation
}

// TestRotateSecretsBesideRunningServices rotates the key of a stack by the steps of operations.md. After each step, a webhook arrives with
// its signature and its custom header.
func TestRotateSecretsBesideRunningServices(t *testing.T) {
	t.Parallel()
	settings, isRotation := steps(t)
	require.Equal(t, []string{"old,new", "new,old", "new"}, settings)
	require.Equal(t, []bool{false, true, false}, isRotation)
	older, newest := encryptionKey(), encryptionKey()
	started := stack.Processes(t, stack.Options{Settings: map[string]string{"SECRETS_KEY": older}})
	s := newSuite(t, started)
	c := s.organization(t)
	hook, url := answering(t, status(200))
	const value = "Bearer of-the-endpoint"
	before := c.create(t, url, `"headers":{"Authorization":"`+value+`"}`)
	arrives := func(secret string) {
		t.Helper()
		a := hook.await(t, c.publish(t).ID, 1)[0]
		require.NoError(t, verify(t, secret, a))
		require.Equal(t, value, a.header.Get("Authorization"))
	}
	arrives(before.SigningSecret)
	restart := func(keys string) {
		t.Helper()
		for _, service := range append(started.Dispatchers(), started.API()) {
			require.NoError(t, service.Stop())
			require.NoError(t, service.Start(map[string]string{"SECRETS_KEY": keys}))
		}
		s.http.CloseIdleConnections()
	}

	for i, setting := range settings {
		keys := strings.NewReplacer("old", older, "new", newest).Replace(setting)
		restart(keys)
		arrives(before.SigningSecret)
		if !isRotation[i] {
			continue
		}
		said, err := started.CommandWith(map[string]string{"SECRETS_KEY": newest}, "rotate-secrets")
		require.Error(t, err, "without the older key nothing can be done")
		assert.Contains(t, said, before.Endpoint.ID)
		for range 2 {
			said, err = started.CommandWith(map[string]string{"SECRETS_KEY": keys}, "rotate-secrets")
			require.NoError(t, err)
			assert.Contains(t, said, "everything is encrypted with the newest key")
			assert.NotContains(t, said, value)
			arrives(before.SigningSecret)
		}
	}
	after := data[endpointSecret](t, c.regenerate(t, before.Endpoint.ID, `{"overlapHours":1}`))
	arrives(before.SigningSecret)
	arrives(after.SigningSecret)
}

func encryptionKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}
