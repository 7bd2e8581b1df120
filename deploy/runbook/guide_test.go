package runbook_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(stack.Suite(m)) }

const repository = "../.."

// commands are one fenced block of the guide.
type commands struct{ heading, text string }

var (
	fenced  = regexp.MustCompile("(?m)^ *```sh\n((?s:.*?))^ *```\n")
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// guide returns all blocks of commands, in their order.
func guide(t *testing.T) (all []commands) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, "pkg/guides/operations.md"))
	require.NoError(t, err)
	text := string(content)
	for _, at := range fenced.FindAllStringSubmatchIndex(text, -1) {
		above := heading.FindAllStringSubmatch(text[:at[0]], -1)
		all = append(all, commands{above[len(above)-1][1], text[at[2]:at[3]]})
	}
	require.NotEmpty(t, all)
	return all
}

// under returns the blocks under a heading.
func under(t *testing.T, heading string) (texts []string) {
	t.Helper()
	for _, block := range guide(t) {
		if block.heading == heading {
			texts = append(texts, block.text)
		}
	}
	require.NotEmpty(t, texts, heading)
	return texts
}

// shell runs a block in a folder, and ends at the first command that fails.
func shell(t *testing.T, folder string, environ []string, text string) (said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = folder
	cmd.Env = environ
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Run(), "%s\n%s", text, &output)
	return output.String()
}

// elsewhere are the blocks that other packages run, by a text that they contain.
var elsewhere = map[string]string{
	"bin/api-service bulk":           "api-service/cmd/api-service",
	"bin/api-service partition":      "api-service/cmd/api-service",
	"bin/api-service rotate-secrets": "deploy/e2e",
	"kubectl apply -k":               "deploy/kubernetes",
}

// TestEveryCommandOfTheGuideIsRun lists the headings whose blocks the tests of this package run.
func TestEveryCommandOfTheGuideIsRun(t *testing.T) {
	ran := map[string]bool{
		headingBackup: true, headingRestore: true, headingUpgrade: true, headingMajor: true, headingRollback: true, headingScaling: true,
		headingDisk: true, headingLook: true, headingDelivery: true, headingBackfill: true, headingRedis: true, headingPaused: true, headingEndpoint: true, headingKeys: true, headingCapacity: true,
	}
	for _, block := range guide(t) {
		tested := ran[block.heading]
		for text := range elsewhere {
			tested = tested || strings.Contains(block.text, text)
		}
		require.True(t, tested, "%s: no test runs\n%s", block.heading, block.text)
	}
}
