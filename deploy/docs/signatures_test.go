package docs_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/signing"
)

// received is a webhook as a receiver gets it, with the receiver's secret and the expected result of the verification.
type received struct {
	Name       string `json:"-"`
	Verifies   bool   `json:"-"`
	Secret     string `json:"secret"`
	ID         string `json:"id"`
	Timestamp  string `json:"timestamp"`
	Signatures string `json:"signatures"`
	Body       string `json:"body"`
}

// webhooks are signed by the package that the dispatcher uses, and then changed.
func webhooks(t *testing.T) []received {
	t.Helper()
	older, newer, stranger := secret(t), secret(t), secret(t)
	const id, body = "dlv_01M7WV53ZTT50ZVB4VGFWDTC7B", `{"type":"run.finished","data":{"price":1.10,"name":"Zoë ☃"}}` + "\n"
	at := func(ago time.Duration, body string, secrets ...string) received {
		t.Helper()
		keys, err := signing.ParseAll(secrets)
		require.NoError(t, err)
		when := time.Now().Add(-ago)
		signatures, err := signing.Sign(id, when, []byte(body), keys...)
		require.NoError(t, err)
		return received{Secret: older, ID: id, Timestamp: strconv.FormatInt(when.Unix(), 10), Signatures: signatures, Body: body}
	}
	type change func(*received)
	none := func(*received) {}
	list := []struct {
		name     string
		verifies bool
		webhook  received
		change   change
	}{
		{"valid", true, at(0, body, older), none},
		{"empty body", true, at(0, "", older), none},
		{"four minutes old", true, at(4*time.Minute, body, older), none},
		{"four minutes ahead", true, at(-4*time.Minute, body, older), none},
		{"rotated, the older secret is known", true, at(0, body, newer, older), none},
		{"rotated, the newer secret is known", true, at(0, body, newer, older), func(r *received) { r.Secret = newer }},
		{"beside another scheme", true, at(0, body, older), func(r *received) { r.Signatures = "v1a,AAAA " + r.Signatures }},
		{"wrong secret", false, at(0, body, stranger), none},
		{"rotated away", false, at(0, body, newer, stranger), none},
		{"six minutes old", false, at(6*time.Minute, body, older), none},
		{"six minutes ahead", false, at(-6*time.Minute, body, older), none},
		{"tampered body", false, at(0, body, older), func(r *received) { r.Body = strings.Replace(r.Body, "1.10", "9.10", 1) }},
		{"body re-encoded", false, at(0, body, older), func(r *received) { r.Body = strings.Replace(r.Body, "1.10", "1.1", 1) }},
		{"body with a line break less", false, at(0, body, older), func(r *received) { r.Body = strings.TrimSuffix(r.Body, "\n") }},
		{"another ID", false, at(0, body, older), func(r *received) { r.ID += "X" }},
		{"another timestamp", false, at(5*time.Second, body, older), func(r *received) { r.Timestamp = strconv.FormatInt(time.Now().Unix(), 10) }},
		{"timestamp is no number", false, at(0, body, older), func(r *received) { r.Timestamp = "today" }},
		{"no timestamp", false, at(0, body, older), func(r *received) { r.Timestamp = "" }},
		{"no signature", false, at(0, body, older), func(r *received) { r.Signatures = "" }},
		{"signature cut short", false, at(0, body, older), func(r *received) { r.Signatures = r.Signatures[:len(r.Signatures)-1] }},
		{"signature without its version", false, at(0, body, older), func(r *received) { r.Signatures = strings.TrimPrefix(r.Signatures, "v1,") }},
		{"signature not ASCII", false, at(0, body, older), func(r *received) { r.Signatures = "v1,ü *" }},
		{"version alone", false, at(0, body, older), func(r *received) { r.Signatures = "v1," }},
	}
	all := make([]received, len(list))
	for i, entry := range list {
		entry.change(&entry.webhook)
		entry.webhook.Name, entry.webhook.Verifies = entry.name, entry.verifies
		all[i] = entry.webhook
	}
	return all
}

func secret(t *testing.T) string {
	t.Helper()
	made, err := signing.NewSecret()
	require.NoError(t, err)
	return made
}

// The snippets run unchanged. A driver reads webhooks, one line of JSON each, and prints true or false for each. It converts them into the
// form that the framework of its language passes to a handler.
var languages = map[string]struct {
	// needs reports whether the language can run here.
	needs []string
	// snippet is the file that gets the page's block.
	snippet string
	// files are the other files that are needed.
	files map[string]string
	run   []string
}{
	"js": {
		needs: []string{"node", "--version"}, snippet: "verify.mjs", run: []string{"node", "driver.mjs"},
		files: map[string]string{"driver.mjs": `
import { createInterface } from 'node:readline'
import { verify } from './verify.mjs'
for await (const line of createInterface({ input: process.stdin })) {
  const r = JSON.parse(line)
  const headers = { 'webhook-id': r.id, 'webhook-timestamp': r.timestamp, 'webhook-signature': r.signatures }
  for (const name in headers) if (headers[name] === '') delete headers[name]
  console.log(verify(r.secret, headers, Buffer.from(r.body)))
}
`},
	},
	"python": {
		needs: []string{"python3", "-c", "import sys; sys.exit(sys.version_info < (3, 9))"}, snippet: "verify.py", run: []string{"python3", "driver.py"},
		files: map[string]string{"driver.py": `
import json, sys
from verify import verify
for line in sys.stdin:
    r = json.loads(line)
    headers = {"webhook-id": r["id"], "webhook-timestamp": r["timestamp"], "webhook-signature": r["signatures"]}
    headers = {name: value for name, value in headers.items() if value}
    print(str(verify(r["secret"], headers, r["body"].encode())).lower())
`},
	},
	"go": {
		needs: []string{"go", "version"}, snippet: "webhooks/verify.go", run: []string{"go", "run", "."},
		files: map[string]string{"go.mod": "module receiver\n\ngo 1.26\n", "main.go": `package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"receiver/webhooks"
)

func main() {
	for lines := json.NewDecoder(os.Stdin); ; {
		var r struct{ Secret, ID, Timestamp, Signatures, Body string }
		err := lines.Decode(&r)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
		header := http.Header{}
		for name, value := range map[string]string{"webhook-id": r.ID, "webhook-timestamp": r.Timestamp, "webhook-signature": r.Signatures} {
			if value != "" {
				header.Set(name, value)
			}
		}
		fmt.Println(webhooks.Verify(r.Secret, header, []byte(r.Body)))
	}
}
`},
	},
	// Bash has no JSON parser. A file holds the arguments of each webhook, each of which ends with a zero byte.
	"bash": {
		needs: []string{"bash", "-c", "command -v openssl"}, snippet: "verify.sh", run: []string{"bash", "driver.sh"},
		files: map[string]string{"driver.sh": `set -u
. ./verify.sh
while IFS= read -rd '' secret; do
  for name in id timestamp signatures body; do IFS= read -rd '' "$name"; done
  printf %s "$body" >body
  if verify "$secret" "$id" "$timestamp" "$signatures" body; then echo true; else echo false; fi
done <arguments
`},
	},
}

func TestSnippetsVerifyOnlyGenuineWebhooks(t *testing.T) {
	guide := read(t, "pkg/guides/verifying-signatures.md")
	for name, language := range languages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			snippet := guide.in(t, name)
			if said, err := exec.Command(language.needs[0], language.needs[1:]...).CombinedOutput(); err != nil {
				t.Skipf("%s cannot be run here: %v %s", name, err, said)
			}
			list := webhooks(t)
			folder := t.TempDir()
			write(t, filepath.Join(folder, language.snippet), snippet)
			for file, content := range language.files {
				write(t, filepath.Join(folder, file), content)
			}
			write(t, filepath.Join(folder, "arguments"), arguments(list))

			cmd := exec.CommandContext(t.Context(), language.run[0], language.run[1:]...)
			cmd.Dir, cmd.Stdin = folder, strings.NewReader(lines(t, list))
			cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "PYTHONDONTWRITEBYTECODE=1")
			var said, complained bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &complained
			require.NoError(t, cmd.Run(), complained.String())

			verdicts := strings.Fields(said.String())
			require.Len(t, verdicts, len(list), complained.String())
			for i, webhook := range list {
				assert.Equal(t, strconv.FormatBool(webhook.Verifies), verdicts[i], webhook.Name)
			}
		})
	}
}

// TestSnippetCasesMatchOurVerifier runs the cases against our own verifier.
func TestSnippetCasesMatchOurVerifier(t *testing.T) {
	for _, r := range webhooks(t) {
		key, err := signing.Parse(r.Secret)
		require.NoError(t, err)
		header := map[string][]string{"Webhook-Id": {r.ID}, "Webhook-Timestamp": {r.Timestamp}, "Webhook-Signature": {r.Signatures}}
		err = signing.Verify(header, []byte(r.Body), time.Now(), signing.DefaultTolerance, key)
		assert.Equal(t, r.Verifies, err == nil, "%s: %v", r.Name, err)
	}
}

func lines(t *testing.T, list []received) string {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	for _, r := range list {
		require.NoError(t, encoder.Encode(r))
	}
	return text.String()
}

func arguments(list []received) string {
	var text strings.Builder
	for _, r := range list {
		for _, argument := range []string{r.Secret, r.ID, r.Timestamp, r.Signatures, r.Body} {
			text.WriteString(argument + "\x00")
		}
	}
	return text.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}
