package docs_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// section returns a page from a heading to the next one of any level.
func (p page) section(t *testing.T, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(p.text, "# "+heading+"\n")
	require.True(t, found, "%s has no section %q", p.path, heading)
	section, _, _ := strings.Cut(after, "\n#")
	return section
}

// signatures runs the section's command for an endpoint and returns the signatures of the next webhook.
func (r running) signatures(t *testing.T, heading, endpoint string, requests <-chan string) []string {
	t.Helper()
	key := r.key(t)
	section := read(t, "pkg/guides/verifying-signatures.md").section(t, heading)
	command := regexp.MustCompile("(?s)```sh\n(.*?)```").FindStringSubmatch(section)
	require.NotNil(t, command, heading)
	write(t, filepath.Join(r.folder, "pasted.sh"), "set -euo pipefail\n"+command[1])
	said, complained, err := r.shell(t, []string{"API=" + r.Addresses().API + "/v1/execution-webhooks", "KEY=" + key, "ENDPOINT=" + endpoint}, "pasted.sh")
	require.NoError(t, err, complained)
	require.Contains(t, said, `"code":200`, "the answer")

	r.call(t, key, http.MethodPost, "/events", map[string]any{"eventType": "a", "data": map[string]any{}}, nil)
	header := regexp.MustCompile(`Webhook-Signature: ([^\r\n]+)`).FindStringSubmatch(next(t, requests))
	require.NotNil(t, header)
	return strings.Fields(header[1])
}

// TestGuideEndsALeakedSecret runs the commands of the guide. After a rotation the old secret signs too; after a leak only the new one does.
func TestGuideEndsALeakedSecret(t *testing.T) {
	needs(t, "bash", "curl")
	r := run(t)
	url, requests := capture(t)
	var made struct{ Endpoint struct{ ID string } }
	r.call(t, r.key(t), http.MethodPost, "", map[string]any{"name": "leaks", "url": url}, &made)
	assert.Len(t, r.signatures(t, "On schedule", made.Endpoint.ID, requests), 2)
	assert.Len(t, r.signatures(t, "On schedule", made.Endpoint.ID, requests), 3)
	assert.Len(t, r.signatures(t, "After a leak", made.Endpoint.ID, requests), 1)
}

// TestPagesAgreeOnSecrets requires each text about a leak, an overlap or a change of the key to name the deciding parameter, or to link to
// the one section that does.
func TestPagesAgreeOnSecrets(t *testing.T) {
	rules := []struct{ about, says string }{
		{`(?is)\bleak.*\bsecret|\bsecret.*\bleak`, `overlapHours.{0,20}\b0\b|#after-a-leak|# After a leak`},
		{`(?i)\b(old|older|before)\b[^.]*\b(signs|signing)\b`, `overlapHours`},
		{`(?is)SECRETS_KEY.*\b(chang|rotat|older? key|new key)|\b(chang|rotat|older? key|new key).*SECRETS_KEY`, `rotate-secrets|#changing-secrets_key|# Changing SECRETS_KEY|^ .SECRETS_KEY. \| API, dispatcher \| required \|`},
	}
	found := make([]int, len(rules))
	for path, text := range userTexts(t) {
		for _, paragraph := range paragraphs(text) {
			for i, rule := range rules {
				if !regexp.MustCompile(rule.about).MatchString(paragraph) {
					continue
				}
				found[i]++
				assert.Regexp(t, rule.says, paragraph, path)
			}
		}
	}
	for i, count := range found {
		assert.Greater(t, count, 2, rules[i].about)
	}
}

// paragraphs splits a text at empty lines, rows of tables and items of lists.
func paragraphs(text string) []string {
	return regexp.MustCompile(`\n\s*(?:#\s*)?\n|\n\||\n- `).Split(text, -1)
}

// userTexts are all texts for users about settings and the API, by path.
func userTexts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, p := range pages(t) {
		texts[p.path] = p.text
	}
	// The black-box tests run the one section that explains the change of the key.
	const operations = "pkg/guides/operations.md"
	texts[operations] = strings.Replace(texts[operations], read(t, operations).section(t, "Changing SECRETS_KEY"), "", 1)
	for _, path := range []string{".env.example", "docker-compose.yml", "api-service/openapi/openapi.yaml"} {
		content, err := os.ReadFile(filepath.Join(root, path))
		require.NoError(t, err)
		texts[path] = string(content)
	}
	return texts
}
