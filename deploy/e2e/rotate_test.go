package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// TestKeysAreRotatedUnderRunningServices takes a stack from one key to the next, as the README says.
func TestKeysAreRotatedUnderRunningServices(t *testing.T) {
	t.Parallel()
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

	restart(older + "," + newest)
	arrives(before.SigningSecret)
	restart(newest + "," + older)
	arrives(before.SigningSecret)

	said, err := started.CommandWith(map[string]string{"SECRETS_KEY": newest}, "rotate-secrets")
	require.Error(t, err, "without the older key nothing can be done")
	assert.Contains(t, said, before.Endpoint.ID)
	for range 2 {
		said, err = started.CommandWith(map[string]string{"SECRETS_KEY": newest + "," + older}, "rotate-secrets")
		require.NoError(t, err)
		assert.Contains(t, said, "everything is encrypted with the newest key")
		assert.NotContains(t, said, value)
		arrives(before.SigningSecret)
	}

	restart(newest)
	arrives(before.SigningSecret)
	after := data[endpointSecret](t, c.regenerate(t, before.Endpoint.ID, `{"overlapHours":1}`))
	arrives(before.SigningSecret)
	arrives(after.SigningSecret)
}

func encryptionKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return base64.StdEncoding.EncodeToString(key)
}
