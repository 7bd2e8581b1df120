package docs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds the wait for an event in a test. It is a safety limit: no verdict depends on it.
const patience = time.Minute

// running is a Redrive as `make run` starts it, in a folder of its own.
type running struct {
	*local.Local
	// folder has the data, as .local in it.
	folder string
}

func run(t *testing.T) running {
	t.Helper()
	r := running{folder: t.TempDir()}
	var err error
	r.Local, err = local.New(t.Context(), local.Options{Dir: filepath.Join(r.folder, ".local"), Log: slog.New(slog.DiscardHandler), RetrySchedule: []time.Duration{time.Second}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Stop(context.WithoutCancel(t.Context()))) })
	require.NoError(t, r.Start(t.Context()))
	return r
}

func (r running) key(t *testing.T) string {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(r.folder, ".local", "api-key"))
	require.NoError(t, err)
	return strings.TrimSpace(string(key))
}

// delivery has the fields of a delivery that the tests read.
type delivery struct {
	ID, EndpointID, EventType, Status string
}

// call calls the API and decodes the data of its answer.
func (r running) call(t require.TestingT, key, method, path string, body, data any) {
	var encoded bytes.Buffer
	if body != nil {
		require.NoError(t, json.NewEncoder(&encoded).Encode(body))
	}
	request, err := http.NewRequest(method, r.Addresses().API+"/v1/execution-webhooks"+path, &encoded)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(text))
	frame := struct{ Data any }{data}
	require.NoError(t, json.Unmarshal(text, &frame))
}

// list returns the latest deliveries.
func (r running) list(t require.TestingT, key string) []delivery {
	var page struct{ Items []delivery }
	r.call(t, key, http.MethodGet, "/deliveries?limit=100", nil, &page)
	return page.Items
}

// await returns once all deliveries have a status.
func (r running) await(t *testing.T, status string) []delivery {
	t.Helper()
	key := r.key(t)
	var all []delivery
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		all = r.list(c, key)
		for _, d := range all {
			assert.Equal(c, status, d.Status, d.ID)
		}
	}, patience, 20*time.Millisecond)
	return all
}

// shell runs a script in the folder and returns what it printed.
func (r running) shell(t *testing.T, environ []string, script string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", append([]string{script}, arguments...)...)
	cmd.Dir = r.folder
	cmd.Env = append(append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"), environ...)
	var said, complained bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &complained
	err = cmd.Run()
	return said.String(), complained.String(), err
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
}

// quickStart returns the page's commands for a laptop, with the addresses of this instance.
func (r running) quickStart(t *testing.T) string {
	t.Helper()
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, b := range read(t, "pkg/guides/quick-start.md").blocks {
		if b.heading != "For real" && b.heading != "In containers" && b.text != "make run\n" && b.language == "sh" {
			script.WriteString(b.text + "echo\n")
		}
	}
	here := strings.NewReplacer("http://127.0.0.1:8080", r.Addresses().API, "http://127.0.0.1:8099", r.Addresses().Receiver).Replace(script.String())
	require.NotContains(t, here, "127.0.0.1:80", "an address that is not replaced")
	return here
}

// banner returns the commands that `make run` and `make info` print, with the text around them.
func (r running) banner(t *testing.T) (script, printed string) {
	t.Helper()
	var text, commands bytes.Buffer
	require.NoError(t, local.Info(t.Context(), filepath.Join(r.folder, ".local"), &text))
	commands.WriteString("set -euo pipefail\n")
	for line := range strings.Lines(text.String()) {
		if strings.HasPrefix(line, "  KEY=") || strings.HasPrefix(line, "  curl ") || strings.HasPrefix(line, "    -H ") {
			commands.WriteString(line)
		}
	}
	return commands.String(), text.String()
}

// paste runs a page's commands in one shell and returns their output.
func (r running) paste(t *testing.T, script string) string {
	t.Helper()
	write(t, filepath.Join(r.folder, "pasted.sh"), script)
	said, complained, err := r.shell(t, nil, "pasted.sh")
	require.NoError(t, err, "%s%s", said, complained)
	assert.NotContains(t, said, `"code":4`, "a call was refused")
	return said
}

// TestQuickStartCommandsCanBeRepeated pastes the commands of both, one after the other.
func TestQuickStartCommandsCanBeRepeated(t *testing.T) {
	needs(t, "bash", "curl")
	for name, bannerFirst := range map[string]bool{"the banner first": true, "the quick start first": false} {
		t.Run(name, func(t *testing.T) {
			r := run(t)
			_, err := r.Seed(t.Context())
			require.NoError(t, err)
			require.NoError(t, r.Announce())
			banner := func() {
				script, printed := r.banner(t)
				if !strings.Contains(printed, "has ended in failure") {
					r.paste(t, script) // it makes a delivery fail
					require.EventuallyWithT(t, func(c *assert.CollectT) {
						_, printed := r.banner(t)
						assert.Contains(c, printed, "has ended in failure")
					}, patience, 20*time.Millisecond)
					script, _ = r.banner(t)
				}
				assert.Contains(t, r.paste(t, script), `"status":"pending"`)
			}
			quick := func() {
				said := r.paste(t, r.quickStart(t))
				assert.Contains(t, said, `"signingSecret":"whsec_`)
				assert.Contains(t, said, `"eventType":"node.finished"`)
				assert.Contains(t, said, `"outcome":"failure"`)
				assert.Contains(t, said, `"nextRetryAt"`)
				assert.Contains(t, said, `"status":"pending"`)
			}
			steps := []func(){quick, quick, banner, banner, quick}
			if bannerFirst {
				steps = []func(){banner, banner, quick, quick, banner}
			}
			for _, step := range steps {
				step()
			}
		})
	}
}
