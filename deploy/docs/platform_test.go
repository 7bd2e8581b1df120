package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The guide onboards a customer with curl and with a Go program. Both run against a Redrive that may send to this machine only.
func TestPlatformGuideOnboardsCustomer(t *testing.T) {
	needs(t, "bash", "curl", "go")
	r := run(t)
	key, err := os.ReadFile(filepath.Join(r.folder, ".local", "platform-key"))
	require.NoError(t, err)
	environ := []string{"REDRIVE_URL=" + r.Addresses().API, "REDRIVE_PLATFORM_KEY=" + strings.TrimSpace(string(key))}
	var shell, program string
	for _, b := range read(t, "pkg/guides/for-a-platform.md").blocks {
		text := strings.ReplaceAll(b.text, "https://hooks.example.com/redrive", r.Addresses().Receiver)
		switch b.language {
		case "bash":
			shell = "set -euo pipefail\n" + text
		case "go":
			program = text
		}
	}

	script := filepath.Join(r.folder, "onboard.sh")
	require.NoError(t, os.WriteFile(script, []byte(shell), 0o600))
	printed, complained, err := r.shell(t, environ, script)
	require.NoError(t, err, complained)
	assert.Equal(t, 3, strings.Count(printed, `"message":"success"`), printed)

	module := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(module, "main.go"), []byte(program), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(module, "go.mod"), []byte("module onboard\n\ngo 1.26\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = module
	cmd.Env = append(append(os.Environ(), "GOWORK=off", "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"), environ...)
	answers, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", answers)
	assert.Equal(t, 3, strings.Count(string(answers), "200 OK"), "%s", answers)
}
