package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/config"
)

// source is the production code, without tests.
func source(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, module := range []string{"pkg", "api-service", "dispatcher-service"} {
		err := filepath.WalkDir(filepath.Join(root, module), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		})
		require.NoError(t, err)
	}
	return all.String()
}

// found returns the first group of each match of an expression in the guides and the pages of this folder, each once.
func found(t *testing.T, expression string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, p := range pages(t) {
		if !isDocumentation(p.path) {
			continue
		}
		for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(p.text, -1) {
			all[match[1]] = p.path
		}
	}
	require.NotEmpty(t, all, expression)
	return all
}

func TestPagesNameExistingSettings(t *testing.T) {
	known := map[string]bool{}
	for _, settings := range []any{config.API{}, config.Dispatcher{}, config.Local{}} {
		for _, v := range config.Variables(settings) {
			known[v.Name] = true
		}
	}
	for name, path := range found(t, "`([A-Z][A-Z_]{3,})`") {
		assert.True(t, known[name], "%s: no program reads %s", path, name)
	}
	for name, path := range found(t, "export ([A-Z_]+)=") {
		assert.True(t, known[name], "%s: no program reads %s", path, name)
	}
}

var metricName = regexp.MustCompile(`"(redrive_[a-z_]*[a-z])"`)

// TestPagesExplainEveryMetric requires each metric on a page to exist, and each metric to be on a page.
func TestPagesExplainEveryMetric(t *testing.T) {
	counted := map[string]bool{}
	for _, match := range metricName.FindAllStringSubmatch(source(t), -1) {
		counted[match[1]] = true
	}
	require.NotEmpty(t, counted)
	for name, path := range found(t, `\b(redrive_[a-z]+_[a-z_]+)`) {
		assert.True(t, counted[name], "%s: nothing counts %s", path, name)
	}
	explained := read(t, "pkg/guides/operations.md").prose
	for name := range counted {
		assert.True(t, strings.Contains(explained, "| `"+name+"` |"), "operations.md, What is counted: say what %s tells", name)
	}
}

func TestPagesNameExistingLogMessages(t *testing.T) {
	code := source(t)
	_, after, _ := strings.Cut(read(t, "pkg/guides/operations.md").prose, "## What the log says\n")
	section, _, _ := strings.Cut(after, "\n## ")
	messages := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1)
	require.NotEmpty(t, messages)
	for _, message := range messages {
		assert.True(t, strings.Contains(code, `"`+message[1]), "no program logs %q", message[1])
	}
}

func TestPagesNameExistingOperations(t *testing.T) {
	contract, err := os.ReadFile(filepath.Join(root, "api-service/openapi/openapi.yaml"))
	require.NoError(t, err)
	known, path := map[string]bool{}, ""
	for line := range strings.Lines(string(contract)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "  /") && strings.HasSuffix(line, ":"):
			path = strings.TrimSuffix(strings.TrimSpace(line), ":")
		case line == "    get:" || line == "    post:" || line == "    put:" || line == "    delete:" || line == "    patch:":
			known[strings.ToUpper(strings.TrimSuffix(strings.TrimSpace(line), ":"))+" "+path] = true
		}
	}
	require.True(t, known["POST /v1/execution-webhooks/deliveries/{id}/retry"])
	for operation, page := range found(t, `((?:GET|POST|PUT|PATCH|DELETE) /v1/[^\s`+"`"+`]+)`) {
		assert.True(t, known[operation], "%s: the contract has no %s", page, operation)
	}
	for path, page := range found(t, `127\.0\.0\.1:8080(/v1/[^\s"?$]+)`) {
		assert.True(t, known["GET "+path], "%s: the contract has no %s", page, path)
	}
}

func TestPagesNameExistingMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for target, page := range found(t, "(?:`|(?m:^))make ([a-z]+)") {
		assert.Regexp(t, `(?m)^`+target+`:.*## `, string(makefile), page)
	}
}

// TestPagesFiguresMatchTheCode compares the figures on the pages with the constants in the code.
func TestPagesFiguresMatchTheCode(t *testing.T) {
	for _, figure := range []struct{ page, says, file, code string }{
		{"concepts", "looks every 5 seconds", "dispatcher-service/internal/reconcile/reconcile.go", "defaultInterval = 5 * time.Second"},
		{"concepts", "every 2 seconds", "dispatcher-service/internal/reconcile/search.go", "searchInterval = 2 * time.Second"},
		{"guarantees", "up to 5 seconds more", "dispatcher-service/internal/reconcile/search.go", "spread = 5 * time.Second"},
		{"guarantees", "some 25 seconds", "dispatcher-service/app/app.go", "leastMargin = 5 * time.Second"}, // 15 + 5, and one pass
		{"guarantees", "after 250 ms at most", "api-service/internal/enqueue/enqueue.go", "callerWait = 250 * time.Millisecond"},
		{"operations", "after 250 ms at most", "api-service/internal/enqueue/enqueue.go", "callerWait = 250 * time.Millisecond"},
		{"guarantees", "sending goes on within 10 seconds", "deploy/chaos/options.go", "redisLimit    = 10 * time.Second"},
		{"guarantees", "sending goes on within 15 seconds", "deploy/chaos/options.go", "postgresLimit = 15 * time.Second"},
		{"guarantees", "within 45 seconds", "deploy/chaos/options.go", "orphanLimit   = 45 * time.Second"},
		{"guarantees", "50,000 deliveries within 30 seconds", "deploy/chaos/options.go", "queueLimit    = 30 * time.Second"},
		{"guarantees", "50,000 deliveries within 30 seconds", "deploy/chaos/options.go", "queueWaiting  = 50_000"},
		{"guarantees", "After 5 crashes in a row", "pkg/webhook/delivery.go", "MaxOrphans = 5"},
		{"guarantees", "kept for 90 days", "pkg/config/config.go", `env:"RETENTION" envDefault:"2160h"`},
		{"guarantees", "within a second", "api-service/internal/cache/cache.go", "Lifetime = 900 * time.Millisecond"},
		{"concepts", "5 by default", "pkg/webhook/endpoint.go", "DefaultMaxRetries  = 5"},
		{"concepts", "20 at most", "pkg/webhook/endpoint.go", "MaxMaxRetries      = 20"},
		{"concepts", "± 20 %", "pkg/webhook/policy.go", "jitter = 0.2"},
		{"concepts", "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h", "pkg/config/config.go", `envDefault:"5s,5m,30m,2h,5h,10h,14h,20h,24h"`},
		{"concepts", "16 KiB", "dispatcher-service/internal/sender/sender.go", "maxAnswerBody       = 16 << 10"},
		{"concepts", "for 24 hours", "pkg/webhook/endpoint.go", "DefaultSecretGrace = 24 * time.Hour"},
		{"verifying-signatures", "For 24 hours", "pkg/webhook/endpoint.go", "DefaultSecretGrace = 24 * time.Hour"},
		{"verifying-signatures", "more than five minutes", "pkg/signing/verify.go", "DefaultTolerance = 5 * time.Minute"},
		{"operations", "500 rows at a time", "dispatcher-service/internal/retention/retention.go", "batch        = 500"},
		{"operations", "every hour", "dispatcher-service/internal/retention/retention.go", "defaultInterval = time.Hour"},
		{"operations", "whichever is longer, and 10 seconds", "dispatcher-service/app/app.go", "a.options.attempt() + a.options.margin()"},
		{"operations", "no delivery for longer than 10 minutes", "dispatcher-service/internal/bulkhead/options.go", "defaultMaxHold       = 10 * time.Minute"},
		{"operations", "no more than 650 bytes", "deploy/bench/catalog.go", "report.AtMost(650)"},
	} {
		text := strings.Join(strings.Fields(read(t, "pkg/guides/"+figure.page+".md").text), " ")
		assert.True(t, strings.Contains(text, figure.says), "%s.md does not say any more: %s", figure.page, figure.says)
		content, err := os.ReadFile(filepath.Join(root, figure.file))
		require.NoError(t, err)
		assert.True(t, strings.Contains(string(content), figure.code), "%s.md says %q, and %s has no %q any more", figure.page, figure.says, figure.file, figure.code)
	}
}
