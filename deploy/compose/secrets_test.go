package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
)

// moveSecrets runs the script, and returns the environment before and after it and the folder with the files.
func moveSecrets(t *testing.T) (before, after types.Mapping, folder string) {
	t.Helper()
	file := makeEnv(t)
	before = read(t, file)
	folder = filepath.Join(t.TempDir(), "secrets")
	said, err := exec.Command("sh", "../docker/secrets.sh", file, folder).CombinedOutput()
	require.NoError(t, err, string(said))
	return before, read(t, file), folder
}

func TestSecretsMovedAreTheSameAsBefore(t *testing.T) {
	before, after, folder := moveSecrets(t)
	variables := project(t, before).Services
	inFiles, err := loadFiles(t, after, strings.Split(after["COMPOSE_FILE"], ":")...)
	require.NoError(t, err)
	for name, service := range variables {
		for variable, value := range resolved(service) {
			moved := resolved(inFiles.Services[name])
			path := moved[variable+"_FILE"]
			if path == "" {
				continue
			}
			assert.NotContains(t, moved, variable, name)
			content, err := os.ReadFile(filepath.Join(folder, filepath.Base(path)))
			require.NoError(t, err)
			assert.Equal(t, value+"\n", string(content), "%s of %s", variable, name)
		}
	}
}

func TestSecretsMovedAreInNoVariable(t *testing.T) {
	before, after, folder := moveSecrets(t)
	inFiles, err := loadFiles(t, after, strings.Split(after["COMPOSE_FILE"], ":")...)
	require.NoError(t, err)
	for _, name := range []string{"POSTGRES_PASSWORD", "REDIS_PASSWORD", "SECRETS_KEY", "OPERATOR_PASSWORD"} {
		assert.NotEqual(t, before[name], after[name], name)
		for _, service := range inFiles.Services {
			for variable, value := range resolved(service) {
				assert.NotContains(t, value, before[name], "%s of %s", variable, service.Name)
				assert.NotContains(t, value, after[name], "%s of %s is no secret any more", variable, service.Name)
			}
		}
	}
	for _, service := range inFiles.Services {
		for _, secret := range service.Secrets {
			path := inFiles.Secrets[secret.Source].File
			info, err := os.Stat(filepath.Join(folder, filepath.Base(path)))
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o444), info.Mode(), "the container's user reads it")
		}
	}
	info, err := os.Stat(folder)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "the machine's other users do not")
}

// The programs read the secrets from the files where the engine mounts them.
func TestServicesReadTheirSecretsFromFiles(t *testing.T) {
	before, after, folder := moveSecrets(t)
	inFiles, err := loadFiles(t, after, strings.Split(after["COMPOSE_FILE"], ":")...)
	require.NoError(t, err)
	here := func(name string) map[string]string {
		values := resolved(inFiles.Services[name])
		for variable, value := range values {
			values[variable] = strings.ReplaceAll(value, "/run/secrets/", folder+"/")
		}
		return values
	}
	api, err := config.LoadAPI(here("api-service"))
	require.NoError(t, err)
	assert.Equal(t, before["OPERATOR_PASSWORD"], api.OperatorPassword.Reveal())
	dispatcher, err := config.LoadDispatcher(here("dispatcher-service"))
	require.NoError(t, err)
	assert.Equal(t, before["SECRETS_KEY"], dispatcher.SecretsKey.Reveal())
	assert.Equal(t, api.Database.URL, dispatcher.Database.URL)
	database, err := config.LoadDatabase(here("migrate"))
	require.NoError(t, err)
	assert.Equal(t, api.Database.URL, database.URL)
}
