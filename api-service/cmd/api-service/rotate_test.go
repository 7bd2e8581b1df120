package main

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/keyring"
	"redrive/pkg/store"
	"redrive/pkg/store/postgres"
	"redrive/pkg/testservers"
	"redrive/pkg/webhook"
)

func newKey(t *testing.T) string {
	t.Helper()
	key, err := keyring.Generate()
	require.NoError(t, err)
	return key
}

func openWith(t *testing.T, url, keys string) *store.Store {
	t.Helper()
	ring, err := keyring.Parse(keys)
	require.NoError(t, err)
	opened, err := postgres.Open(postgres.Options{URL: url, MaxConnections: 2}, ring)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	return opened
}

func TestRotateSecrets(t *testing.T) {
	url := testservers.Postgres(t)
	older, newest := newKey(t), newKey(t)
	with := func(keys string) []string { return []string{"DATABASE_URL=" + url, "SECRETS_KEY=" + keys} }

	early := runWith(t, with(newest), "rotate-secrets")
	assert.Equal(t, 1, early.code)
	assert.Contains(t, early.stderr, "api-service migrate", "it says how to mend it")
	require.Equal(t, 0, runWith(t, with(newest), "migrate").code)

	before := openWith(t, url, older)
	const endpoints = resealBatch + 1
	for range endpoints {
		require.NoError(t, before.CreateEndpoint(t.Context(), webhook.NewEndpoint("org", "", webhook.EndpointSpec{
			Name: "n", URL: "https://example.com", Headers: map[string]webhook.Secret{"X": "c4n4ry"},
		}, "whsec_c4n4ry", webhook.Now())))
	}
	const done = "everything is encrypted with the newest key: the older keys can be dropped from SECRETS_KEY\n"
	assert.Equal(t, result{0, "looked at 101 endpoints: 101 encrypted again with the newest key, 0 left as they were\n" +
		"looked at 101 endpoints: 0 encrypted again with the newest key, 101 left as they were\n" + done, ""}, runWith(t, with(newest+","+older), "rotate-secrets"))
	assert.Equal(t, result{0, "looked at 101 endpoints: 0 encrypted again with the newest key, 101 left as they were\n" + done, ""}, runWith(t, with(newest), "rotate-secrets"))

	lost := runWith(t, with(newKey(t)), "rotate-secrets")
	assert.Equal(t, 1, lost.code)
	assert.Contains(t, lost.stderr, "101 endpoints cannot be read with the keys in SECRETS_KEY")
	assert.Contains(t, lost.stdout, "not readable: open the signing secrets of ep_")
	assert.NotContains(t, lost.stdout+lost.stderr, "c4n4ry")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"rotate-secrets"}, with(newest), &stdout, &stderr))
}

func TestRotateSecretsMissingSettingsRefused(t *testing.T) {
	for environ, message := range map[string]string{
		"DATABASE_URL=postgres://nobody:c4n4ry@127.0.0.1:1/nothing": "SECRETS_KEY is required",
		"SECRETS_KEY=c4n4ry": "DATABASE_URL is required; SECRETS_KEY is not valid",
	} {
		r := runWith(t, []string{environ}, "rotate-secrets")
		assert.Equal(t, 2, r.code)
		assert.Contains(t, r.stderr, message)
		assert.NotContains(t, r.stderr, "REDIS_URL", "what is not needed is not asked for")
		assert.NotContains(t, r.stderr, "c4n4ry")
	}
}
