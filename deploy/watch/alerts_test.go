package watch_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"redrive/pkg/testservers"
)

// host is the beginning of a runbook_url. It is an external label, so that the rules are the same for every installation.
const host = "{{ $externalLabels.redrive_url }}"

// TestEveryAlertNamesItsFirstStep checks that each alert has a severity, a meaning, one sentence with the first step, and the address of a
// guide.
func TestEveryAlertNamesItsFirstStep(t *testing.T) {
	t.Parallel()
	sentence := regexp.MustCompile(`^[A-Z][^.]*([^. ]\.[^. ][^.]*)*\.$`)
	seen := map[string]bool{}
	for _, r := range rulesOf(t, "alerts.yml") {
		assert.False(t, seen[r.Alert], r.Alert)
		seen[r.Alert] = true
		assert.Contains(t, []string{"warning", "critical"}, r.Labels["severity"], r.Alert)
		assert.NotEmpty(t, r.Annotations["summary"], r.Alert)
		assert.Greater(t, len(r.Annotations["description"]), 20, r.Alert)
		assert.Regexp(t, sentence, r.Annotations["action"], r.Alert)
		assert.True(t, strings.HasPrefix(r.Annotations["runbook_url"], host+"/docs/guides/"), r.Alert)
	}
}

// runbooksAreServed checks that every runbook_url of alerts and dashboard leads to a heading of a page of the API.
func runbooksAreServed(t *testing.T, api string) {
	t.Helper()
	addresses := map[string]string{}
	for _, r := range rulesOf(t, "alerts.yml") {
		addresses[r.Alert] = strings.TrimPrefix(r.Annotations["runbook_url"], host)
	}
	for _, link := range readDashboard(t).links() {
		addresses["dashboard: "+link.Title] = strings.TrimPrefix(link.URL, dashboardHost)
	}
	for name, address := range addresses {
		page, fragment, _ := strings.Cut(address, "#")
		status, body, err := get(t.Context(), api+page)
		require.NoError(t, err, name)
		assert.Equal(t, http.StatusOK, status, "%s: %s", name, page)
		if fragment != "" {
			assert.True(t, strings.Contains(body, ` id="`+fragment+`"`), "%s: %s has no heading %s", name, page, fragment)
		}
	}
}

// ruleTests returns the test files for promtool.
func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/alerts*.yml")
	require.NoError(t, err)
	require.Len(t, files, 4)
	return files
}

// TestAlertsFireWhenTheyShould checks the rules with promtool and runs their tests.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	t.Parallel()
	tool, err := testservers.FindPromtool()
	require.NoError(t, err, testservers.Hint())
	for _, args := range [][]string{
		{"check", "rules", rulesPath + "recording.yml", rulesPath + "alerts.yml"},
		append([]string{"test", "rules"}, ruleTests(t)...),
	} {
		said, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		assert.NoError(t, err, string(said))
	}
}

// TestEveryAlertFiresInATest checks that each alert is among the expected results of the promtool tests.
func TestEveryAlertFiresInATest(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/alerts_fire.yml")
	require.NoError(t, err)
	var content struct {
		Tests []struct {
			Queries []struct {
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &content))
	name, fired := regexp.MustCompile(`alertname="(\w+)"`), map[string]bool{}
	for _, test := range content.Tests {
		for _, query := range test.Queries {
			for _, sample := range query.Samples {
				if match := name.FindStringSubmatch(sample.Labels); match != nil {
					fired[match[1]] = true
				}
			}
		}
	}
	for _, r := range rulesOf(t, "alerts.yml") {
		assert.True(t, fired[r.Alert], "no test has %s fire", r.Alert)
	}
}

// replacement is a wrong change of the rules.
type replacement struct{ from, to string }

// TestRuleTestsFindAWrongRule makes wrong changes to the rules and checks that the promtool tests report the alerts.
func TestRuleTestsFindAWrongRule(t *testing.T) {
	t.Parallel()
	for test, changes := range map[string]map[string]replacement{
		"alerts_fire.yml": {
			"RedriveQueuePaused": {`max(redrive_queue_paused) == 1`, `max(redrive_queue_paused) == 1 unless on () sum(redrive_breakers{state="open"}) > 0`},
			"RedriveNoAPI":       {`absent(redrive_build_info{service="api-service"})`, `max(up{job="redrive-api"}) == 0`},
		},
		"alerts_day.yml": {
			"RedriveEndpointsDisabled": {`offset 1h) >= 5`, `offset 1h) >= 1`},
			"RedriveFinalFailures":     {`and on () max(redrive_endpoints_failed) >= 5`, ``},
		},
		"alerts_silent.yml": {
			"RedriveFinalFailures":     {`status="failure",reason="attempt"`, `status="failure"`},
			"RedrivePartitionsMissing": {`max(redrive_partitions) > 0 and on () `, ``},
			"RedriveRedisAway":         {`max by (job) (redrive_redis_away) == 1`, `max_over_time(redrive_redis_away[5m]) == 1`},
		},
	} {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			tool, err := testservers.FindPromtool()
			require.NoError(t, err, testservers.Hint())
			said, err := exec.CommandContext(t.Context(), tool, "test", "rules", rewritten(t, test, changes)).CombinedOutput()
			require.Error(t, err)
			assert.Contains(t, string(said), "FAILED")
			for alert := range changes {
				assert.Contains(t, string(said), alert)
			}
		})
	}
}

// rewritten returns the path of a copy of a test beside copies of the rules with the changes.
func rewritten(t *testing.T, test string, changes map[string]replacement) string {
	t.Helper()
	dir, applied := t.TempDir(), 0
	for _, file := range []string{"recording.yml", "alerts.yml"} {
		text, err := os.ReadFile(rulesPath + file)
		require.NoError(t, err)
		for _, change := range changes {
			applied += strings.Count(string(text), change.from)
			text = []byte(strings.ReplaceAll(string(text), change.from, change.to))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), text, 0o600))
	}
	require.Equal(t, len(changes), applied)
	text, err := os.ReadFile(filepath.Join("testdata", test))
	require.NoError(t, err)
	path := filepath.Join(dir, test)
	require.NoError(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "../../grafana/prometheus/", "")), 0o600))
	return path
}
