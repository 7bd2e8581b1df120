package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
)

func secretFile(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	api, err := config.LoadAPI(map[string]string{
		"DATABASE_URL_FILE":      secretFile(t, "postgres://u:canary@db/x\n"),
		"REDIS_URL_FILE":         secretFile(t, "redis://:canary@r\r\n"),
		"SECRETS_KEY_FILE":       secretFile(t, "canary"),
		"OPERATOR_PASSWORD_FILE": secretFile(t, "canary canary\n"),
		"OPERATOR_PASSWORD":      "", // as Compose passes a variable without a value
	})
	require.NoError(t, err)
	assert.Equal(t, "postgres://u:canary@db/x", api.Database.URL.Reveal())
	assert.Equal(t, "redis://:canary@r", api.Redis.URL.Reveal())
	assert.Equal(t, "canary", api.SecretsKey.Reveal())
	assert.Equal(t, "canary canary", api.OperatorPassword.Reveal())

	database, err := config.LoadDatabase(map[string]string{"DATABASE_URL_FILE": secretFile(t, "postgres://db/x\n")})
	require.NoError(t, err)
	assert.Equal(t, "postgres://db/x", database.URL.Reveal())
}

func TestRestoringUsesRedisOfAFile(t *testing.T) {
	settings, err := config.LoadRestoring(map[string]string{
		"DATABASE_URL":   "postgres://db/x",
		"REDIS_URL_FILE": secretFile(t, "redis://r\n"),
	})
	require.NoError(t, err)
	assert.Equal(t, "redis://r", settings.Redis.URL.Reveal())

	settings, err = config.LoadRestoring(map[string]string{"DATABASE_URL": "postgres://db/x"})
	require.NoError(t, err)
	assert.Zero(t, settings.Redis)
}

func TestSecretFileWrongIsNamedWithoutTheSecret(t *testing.T) {
	file := secretFile(t, "canary")
	missing := filepath.Join(t.TempDir(), "missing")
	for name, c := range map[string]struct {
		environ map[string]string
		says    []string
	}{
		"both are set":    {environ(map[string]string{"SECRETS_KEY_FILE": file}), []string{"SECRETS_KEY and SECRETS_KEY_FILE are both set"}},
		"there is none":   {environ(map[string]string{"SECRETS_KEY": "", "SECRETS_KEY_FILE": missing}), []string{"SECRETS_KEY_FILE", missing, "no such file"}},
		"it is a folder":  {environ(map[string]string{"REDIS_URL": "", "REDIS_URL_FILE": t.TempDir()}), []string{"REDIS_URL_FILE", "is a directory"}},
		"it is empty":     {environ(map[string]string{"DATABASE_URL": "", "DATABASE_URL_FILE": secretFile(t, "\n")}), []string{"DATABASE_URL_FILE", "is empty"}},
		"it is too short": {environ(map[string]string{"OPERATOR_PASSWORD_FILE": file}), []string{"OPERATOR_PASSWORD must have at least 12"}},
	} {
		_, err := config.LoadAPI(c.environ)
		for _, text := range c.says {
			require.ErrorContains(t, err, text, name)
		}
		assert.NotContains(t, err.Error(), "canary", name)
		assert.NotContains(t, err.Error(), "is required", "%s: one sentence for each variable", name)
	}
}

func TestVariablesOfSecretsAreMarked(t *testing.T) {
	var secrets []string
	for _, v := range config.Variables(config.API{}) {
		if v.Secret {
			secrets = append(secrets, v.Name)
		}
	}
	assert.Equal(t, "DATABASE_URL REDIS_URL SECRETS_KEY OPERATOR_PASSWORD DATABASE_REPLICA_URL", strings.Join(secrets, " "))
}
