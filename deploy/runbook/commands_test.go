package runbook_test

import (
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

const (
	headingUpgrade  = "Upgrading"
	headingRollback = "Rolling back"
	headingScaling  = "Scaling"
	headingCapacity = "Capacity"
	headingDisk     = "Its disk is full"
	headingLook     = "Where to look"
	headingDelivery = "One delivery"
	headingBackfill = "Backfilling statistics"
	headingRedis    = "Redis is down, lost or emptied"
	headingPaused   = "The queue is paused"
	headingEndpoint = "One endpoint is down"
	headingKeys     = "Keys and secrets"
)

// TestCommandsOfTheGuideWork runs the commands that need running services. Only their addresses are replaced.
func TestCommandsOfTheGuideWork(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	ops := m.services.OpsURLs()
	here := strings.NewReplacer("http://127.0.0.1:8080", m.services.URL(), "http://127.0.0.1:9090", ops[0], "http://127.0.0.1:9091", ops[1])
	run := func(heading string, block int, settings ...string) string {
		return m.run(t, here.Replace(under(t, heading)[block]), settings...)
	}

	assert.Contains(t, run(headingUpgrade, 0), "the schema is up to date")
	said := run(headingLook, 0)
	assert.Contains(t, said, `"status":"ok"`)
	assert.Contains(t, said, "redrive_build_info")

	var made struct{ Endpoint struct{ ID string } }
	m.call(t, http.MethodPost, "", `{"name": "down", "url": "http://127.0.0.1:2/"}`, &made)
	assert.Contains(t, run(headingEndpoint, 0, "ENDPOINT="+made.Endpoint.ID, "KEY="+m.services.Key()), `"code":200`)
	assert.Contains(t, run(headingEndpoint, 1), "{")

	var published struct{ Deliveries []struct{ ID string } }
	m.call(t, http.MethodPost, "/events", `{"eventType": "run.finished", "data": {}}`, &published)
	platformKey := regexp.MustCompile(`rpk_\w+`).FindString(m.run(t, "bin/api-service keys create --platform --name support"))
	said = run(headingDelivery, 0, "DELIVERY="+published.Deliveries[0].ID, "ORGANIZATION="+stack.Organization, "PLATFORM_KEY="+platformKey)
	assert.Contains(t, said, `"organizationId":"`+stack.Organization+`"`)
	assert.Contains(t, said, `"summary":`)

	run(headingBackfill, 0)

	keys := under(t, headingKeys)[0]
	keys = strings.Replace(keys, "key_…", `"$(bin/api-service keys list --organization org_x | grep -o 'key_[0-9A-Z]*' | head -n 1)"`, 1)
	assert.NotContains(t, keys, "…")
	assert.Regexp(t, `rdk_\w+`, m.run(t, keys))

	paused := regexp.MustCompile(`'?asynq:\S+:paused'?`).FindString(under(t, headingPaused)[0])
	require.NotEmpty(t, paused)
	m.run(t, "redis-cli SET "+paused+" 1")
	run(headingPaused, 0)
	assert.Equal(t, "0", strings.TrimSpace(m.run(t, "redis-cli EXISTS "+paused)))
	run(headingRedis, 0)
	assert.Contains(t, m.run(t, "redis-cli INFO keyspace"), "# Keyspace")
}

// TestCommandsForTheEngineAreThoseOfItsPrograms compares the calls of make and docker with the Makefile and with the commands of Docker
// Compose.
func TestCommandsForTheEngineAreThoseOfItsPrograms(t *testing.T) {
	targets, err := exec.Command("make", "--directory", repository, "--silent", "help").Output()
	require.NoError(t, err)
	composed := regexp.MustCompile(`^docker (compose (stop|down|exec|restart|up)|volume rm|system df|image prune)( |$)`)
	found := 0
	for _, block := range guide(t) {
		for line := range strings.Lines(block.text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "VERSION=v0.1.0 ")
			target, isMake := strings.CutPrefix(line, "make ")
			switch {
			case isMake:
				found++
				assert.Contains(t, string(targets), "  make "+strings.Fields(target)[0]+" ", line)
			case strings.HasPrefix(line, "docker "):
				found++
				assert.Regexp(t, composed, line)
			}
		}
	}
	assert.Greater(t, found, 15)
}
