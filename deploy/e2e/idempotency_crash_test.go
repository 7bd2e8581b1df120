//go:build !containers

package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
)

// TestEmbeddedKilledDuringBatchEveryEventOnce kills the process while it publishes batches. Each batch is sent again with its key.
// Afterwards every event exists once, and all results are in order.
func TestEmbeddedKilledDuringBatchEveryEventOnce(t *testing.T) {
	t.Parallel()
	started := stack.Embedded(t, stack.Options{})
	c := newSuite(t, started).organization(t)
	hook, url := answering(t, status(200))
	c.endpoint(t, url, 3)
	const rounds, events = 3, 200
	for round := range rounds {
		request := keyedBatch("import-"+strconv.Itoa(round), events)
		broken := make(chan struct{})
		go func() {
			defer close(broken)
			_, _ = c.try(request) // broken off, or complete
		}()
		before := len(hook.all())
		eventually(t, "a part of the batch is sent", func() bool { return len(hook.all()) > before })
		require.NoError(t, started.Process().Kill())
		<-broken
		require.NoError(t, started.Process().Start(nil))

		answer, err := c.try(request)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.status, "%s", answer.body)
		results, err := read[batch](answer)
		require.NoError(t, err)
		require.Len(t, results.Results, events)
		ids := map[string]bool{}
		for _, result := range results.Results {
			require.NotNil(t, result.Event)
			ids[result.Event.ID] = true
		}
		assert.Len(t, ids, events)
	}
	assert.Len(t, c.walkDeliveries(t), rounds*events)
}

// keyedBatch is a batch of events whose run IDs are their indexes.
func keyedBatch(key string, events int) request {
	list := make([]string, events)
	for i := range list {
		list[i] = fmt.Sprintf(`{"eventType":"run.finished","runId":"%d","data":{}}`, i)
	}
	return withKey(key, base+"/events/batch", `{"events":[`+strings.Join(list, ",")+`]}`)
}
