package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The snippets of the API reference, in testdata, are run with only host, ID and token replaced.

func TestSnippetCurl(t *testing.T) { onEachStack(t, snippet("retry.sh", nil, "sh")) }

func TestSnippetNode(t *testing.T) {
	onEachStack(t, snippet("retry.mjs", []string{"node", "-e", "fetch"}, "node"))
}

func TestSnippetPython(t *testing.T) {
	onEachStack(t, snippet("retry.py", []string{"python3", "-c", "import requests"}, "python3"))
}

func TestSnippetGo(t *testing.T) { onEachStack(t, snippet("retry.go", nil, "go", "run")) }

// These are the placeholders of the snippets.
const (
	sampleHost = "https://redrive.example.com"
	sampleID   = "dlv_01M7WV53ZTT50ZVB4VGFWDTC7B"
	sampleKey  = "YOUR_API_KEY"
)

// snippet runs a file of testdata with the command by. It skips the test if the command in needs fails.
func snippet(file string, needs []string, by ...string) func(*testing.T, *suite) {
	return func(t *testing.T, s *suite) {
		if needs != nil {
			if said, err := exec.Command(needs[0], needs[1:]...).CombinedOutput(); err != nil {
				t.Skipf("%s cannot be run here: %v %s", file, err, said)
			}
		}
		c := s.organization(t)
		hook, url := answering(t, status(500), status(200))
		c.endpoint(t, url, 0)
		failed := c.failed(t)

		text, err := os.ReadFile(filepath.Join("testdata", file))
		require.NoError(t, err)
		mine := filepath.Join(t.TempDir(), file)
		changed := strings.NewReplacer(sampleHost, s.stack.URL(), sampleID, failed.ID, sampleKey, c.key).Replace(string(text))
		require.NoError(t, os.WriteFile(mine, []byte(changed), 0o600))

		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, by[0], append(by[1:], mine)...)
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
		var said, complained bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &complained
		require.NoError(t, cmd.Run(), "%s%s", said.String(), complained.String())

		require.NoError(t, s.contract.matches("DeliveryResponse", said.Bytes()))
		var frame struct {
			Code int
			Data delivery
		}
		require.NoError(t, json.Unmarshal(said.Bytes(), &frame))
		assert.Equal(t, 200, frame.Code)
		assert.Equal(t, failed.ID, frame.Data.ID)
		assert.Equal(t, pending, frame.Data.Status)
		assert.Equal(t, 0, frame.Data.RetryCount)
		hook.await(t, failed.ID, 2)
		c.awaitStatus(t, failed.ID, success)
	}
}
