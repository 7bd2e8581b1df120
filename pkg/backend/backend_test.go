package backend_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/pkg/backend"
	"redrive/pkg/config"
	"redrive/pkg/keyring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpenInvalidSettingsNamesAllWithoutValues(t *testing.T) {
	_, err := backend.Open(config.Shared{
		SecretsKey: "canary", Redis: config.Redis{URL: "http://:canary@h"}, Database: config.Database{URL: "postgres://u:canary@h:port/x"},
	}, config.Replica{}, "test")
	require.Error(t, err)
	for _, name := range []string{"SECRETS_KEY", "REDIS_URL", "DATABASE_URL"} {
		assert.ErrorContains(t, err, name)
	}
	assert.NotContains(t, err.Error(), "canary")

	_, err = backend.Open(config.Shared{Redis: config.Redis{URL: "redis://h"}, SecretsKey: "short"}, config.Replica{}, "test")
	require.ErrorContains(t, err, "SECRETS_KEY")
	assert.NotContains(t, err.Error(), "REDIS_URL")
	assert.NotContains(t, err.Error(), "DATABASE_URL", "a missing setting is reported elsewhere")
}

func TestOpenUnreachableServersSucceeds(t *testing.T) {
	key, err := keyring.Generate()
	require.NoError(t, err)
	b, err := backend.Open(config.Shared{
		SecretsKey: config.Secret(key), Redis: config.Redis{URL: "redis://127.0.0.1:1"}, Database: config.Database{URL: "postgres://127.0.0.1:1/x"},
	}, config.Replica{}, "test")
	require.NoError(t, err)
	require.NoError(t, b.Close())
}
