package clients

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// generator is a folder of testdata with the command that makes the package redrive from openapi.json.
type generator struct {
	folder  string
	command []string
}

var generators = []generator{
	{"oapi-codegen", []string{"oapi-codegen", "-package", "redrive", "-generate", "types,client", "-o", "redrive/redrive.go", "openapi.json"}},
	{"ogen", []string{"ogen", "--target", "redrive", "--package", "redrive", "openapi.json"}},
}

// build makes the program of the folder with a client that is generated from the document, and returns its path.
func (g generator) build(t *testing.T, document []byte) string {
	t.Helper()
	module := t.TempDir()
	require.NoError(t, os.CopyFS(module, os.DirFS(filepath.Join("testdata", g.folder))))
	require.NoError(t, os.WriteFile(filepath.Join(module, "openapi.json"), document, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(module, "redrive"), 0o700))
	run(t, module, append([]string{"tool"}, g.command...)...)
	// Without the paths of the folder, the build cache can supply a client that was built before.
	run(t, module, "build", "-trimpath", "-o", "drive", ".")
	return filepath.Join(module, "drive")
}

// run runs the go command in a module outside the workspace. It may not change the module's requirements.
func run(t *testing.T, module string, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", arguments...)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %s: %.4000s", arguments, out)
}

// drive runs a built program against the API at the URL.
func drive(t *testing.T, program, url, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1",
		"REDRIVE_URL="+url, "REDRIVE_API_KEY="+key, "RECEIVER_URL="+failingOnce(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%.8000s", out)
}
