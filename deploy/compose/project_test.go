package compose_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"redrive/pkg/testservers"
)

const (
	// repository is the folder of docker-compose.yml, from which images are built.
	repository = "../.."
	version    = "v1.2.3-composed"
)

func TestMain(m *testing.M) {
	code := testservers.Main(m)
	_ = os.RemoveAll(images.dir)
	os.Exit(code)
}

// environment is the environment with which `make env up` starts the stack.
func environment(t *testing.T) types.Mapping {
	t.Helper()
	return read(t, makeEnv(t))
}

// demoEnvironment is the environment after the file's instructions for the sample receiver.
func demoEnvironment(t *testing.T) types.Mapping {
	t.Helper()
	file := makeEnv(t)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	wanted := regexp.MustCompile(`(?m)^#(COMPOSE_PROFILES|EGRESS_ALLOW_HTTP|EGRESS_ALLOW)=`)
	require.Len(t, wanted.FindAll(content, -1), 3, "the three lines to have the demo")
	require.NoError(t, os.WriteFile(file, wanted.ReplaceAll(content, []byte("$1=")), 0o600))
	return read(t, file)
}

func makeEnv(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), ".env")
	said, err := exec.Command("sh", "../docker/env.sh", file).CombinedOutput()
	require.NoError(t, err, string(said))
	return file
}

func read(t *testing.T, file string) types.Mapping {
	t.Helper()
	values, err := dotenv.Read(file)
	require.NoError(t, err)
	values["VERSION"] = version
	return values
}

func load(t *testing.T, environment types.Mapping) (*types.Project, error) {
	t.Helper()
	return loadFiles(t, environment, "docker-compose.yml")
}

func loadFiles(t *testing.T, environment types.Mapping, names ...string) (*types.Project, error) {
	t.Helper()
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	var files []types.ConfigFile
	for _, name := range names {
		files = append(files, types.ConfigFile{Filename: filepath.Join(root, name)})
	}
	return loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: files,
		Environment: environment,
	}, func(o *loader.Options) { o.Profiles = strings.Split(environment["COMPOSE_PROFILES"], ",") })
}

func project(t *testing.T, environment types.Mapping) *types.Project {
	t.Helper()
	loaded, err := load(t, environment)
	require.NoError(t, err)
	return loaded
}

// demo is the project with all its services.
func demo(t *testing.T) *types.Project {
	t.Helper()
	return project(t, demoEnvironment(t))
}

// resolved returns a service's environment as its process gets it. A variable without a value is not set.
func resolved(service types.ServiceConfig) map[string]string {
	values := make(map[string]string)
	for name, value := range service.Environment {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}
