//go:build !containers

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
	"redrive/pkg/testservers"
)

// The services use a Redis Cluster of one node, and of several.
func TestRedisCluster(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes), func(t *testing.T) {
			t.Parallel()
			cluster, err := testservers.StartRedisCluster(testservers.RedisClusterOptions{Nodes: nodes})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, cluster.Close()) })
			url := cluster.URL()
			if nodes > 1 {
				url = strings.Replace(url, "redis://", "redis-cluster://", 1)
			}
			started := stack.Processes(t, stack.Options{
				OperatorPassword: operatorPassword, Dispatchers: 2, Settings: map[string]string{"REDIS_URL": url},
			})
			s := newSuite(t, started)
			deliverRetryAndFlush(t, s, cluster)
			for _, path := range []string{"/queues/api/queues", "/queues/api/redis_info", "/queues/api/servers"} {
				code, page := s.visit(t, started.URL()+path, "operator", operatorPassword)
				assert.Equal(t, http.StatusOK, code, "%s: %s", path, page)
			}
			for _, ops := range started.OpsURLs() {
				code, ready := s.visit(t, ops+"/readyz", "", "")
				assert.Equal(t, http.StatusOK, code)
				assert.Contains(t, ready, `"status":"ok"`)
			}
		})
	}
}

func deliverRetryAndFlush(t *testing.T, s *suite, cluster *testservers.RedisCluster) {
	t.Helper()
	c := s.organization(t)
	hook, url := answering(t, status(500), status(200))
	c.endpoint(t, url, 0, "run.finished")
	failed := c.failed(t)
	c.retry(t, failed.ID)
	hook.await(t, failed.ID, 2)
	c.awaitStatus(t, failed.ID, success)

	retried, url := answering(t, status(500), status(200))
	c.endpoint(t, url, 1, "scheduled")
	scheduled := c.publishEvent(t, `{"eventType":"scheduled","data":{}}`).Deliveries[0]
	retried.await(t, scheduled.ID, 2)
	c.awaitStatus(t, scheduled.ID, success)

	// Waiting deliveries are sent after all nodes are emptied.
	for _, dispatcher := range fleet(t, s).Dispatchers() {
		require.NoError(t, dispatcher.Stop())
	}
	waiting := c.publish(t)
	require.NoError(t, cluster.FlushAll(t.Context()))
	for _, dispatcher := range fleet(t, s).Dispatchers() {
		require.NoError(t, dispatcher.Start(nil))
	}
	hook.await(t, waiting.ID, 1)
	c.awaitStatus(t, waiting.ID, failure)
	// So are deliveries that are accepted before the dispatcher notices the loss.
	require.NoError(t, cluster.FlushAll(t.Context()))
	after := c.publish(t)
	hook.await(t, after.ID, 1)
	c.awaitStatus(t, after.ID, failure)
}
