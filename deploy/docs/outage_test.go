package docs_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	shellBlock = regexp.MustCompile("(?m)^ *```sh\n((?s:.*?))^ *```\n")
	jobID      = regexp.MustCompile(`"id":"(job_\w{26})"`)
)

// TestOutageGuideBringsBackDeliveries makes a receiver fail, and runs the calls of the guide before and after it is healed.
func TestOutageGuideBringsBackDeliveries(t *testing.T) {
	needs(t, "bash", "curl")
	blocks := outageBlocks(t)
	require.Len(t, blocks, 6)
	plan, start, watch, failed, cancel, organization := blocks[0], blocks[1], blocks[2], blocks[3], blocks[4], blocks[5]
	r := run(t)
	key := r.key(t)
	var created struct{ Endpoint struct{ ID string } }
	r.call(t, key, http.MethodPost, "", map[string]any{"name": "flaky", "url": r.Addresses().Receiver + "/flaky", "maxRetries": 0}, &created)
	const events = 5
	for range events {
		r.call(t, key, http.MethodPost, "/events", map[string]any{"eventType": "run.finished", "data": map[string]any{}}, nil)
	}
	require.Len(t, r.await(t, "failure"), events)
	environ := []string{"API=" + r.Addresses().API, "KEY=" + key, "ENDPOINT=" + created.Endpoint.ID}
	paste := func(script string) string {
		path := filepath.Join(r.folder, "outage.sh")
		write(t, path, "set -euo pipefail\n"+script)
		said, complained, err := r.shell(t, environ, path)
		require.NoError(t, err, "%s%s", said, complained)
		return said
	}
	completes := func(started string) {
		id := jobID.FindStringSubmatch(started)
		require.NotNil(t, id, started)
		environ = append(environ, "BULK_JOB="+id[1])
		require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Contains(c, paste(watch), `"status":"completed"`) }, patience, 100*time.Millisecond)
	}

	of := paste(organization)
	assert.Contains(t, of, `"total":5,"exact":true`)
	completes(of)
	r.await(t, "failure")

	healed, err := http.Post(r.Addresses().Receiver+"/heal", "", nil)
	require.NoError(t, err)
	require.NoError(t, healed.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	of = paste(plan + start)
	assert.Contains(t, of, `"total":5,"exact":true`)
	completes(of)
	assert.Contains(t, paste(watch), `"processed":5,"applied":5,"skipped":{}`)
	r.await(t, "success")
	assert.Contains(t, paste(failed), `"items":[]`)
	assert.Contains(t, paste(cancel), "job_finished")
}

// outageBlocks returns the calls of the API in the guide, with a time that has the deliveries of a test.
func outageBlocks(t *testing.T) (blocks []string) {
	t.Helper()
	text, _, _ := strings.Cut(read(t, "pkg/guides/bringing-back-an-outage.md").text, "\n## All organizations\n")
	text = strings.NewReplacer("2026-11-20T12:00:00Z", "2020-01-01T00:00:00Z", "2026-11-20T16:00:00Z", "2100-01-01T00:00:00Z").Replace(text)
	for _, block := range shellBlock.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, block[1])
	}
	return blocks
}
