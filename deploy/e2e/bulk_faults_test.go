//go:build !containers

package e2e

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack"
	"redrive/pkg/testservers"
)

// TestBulkJobServersFail loses Redis with all that it holds, and stops PostgreSQL, while a job runs. Each delivery is requeued once, and
// arrives.
func TestBulkJobServersFail(t *testing.T) {
	t.Parallel()
	postgres, err := testservers.StartPostgres(testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, postgres.Close()) })
	s := newSuite(t, stack.Processes(t, stack.Options{Dispatchers: 2, Settings: map[string]string{"DATABASE_URL": postgres.URL()}}))
	redis := redisOf(t, s).Redis()
	c := s.organization(t)
	hook, url := answering(t, status(500), status(200))
	c.endpoint(t, url, 0)
	ids := c.publishMany(t, 120)
	for _, id := range ids {
		c.awaitStatus(t, id, failure)
	}

	started := c.startJob(t, `{"action":"retry","filter":{"status":"failure"},"perSecond":20}`)
	c.awaitApplied(t, started.ID, 20)
	require.NoError(t, redis.Kill())
	require.NoError(t, redis.Restart(context.Background()))
	c.awaitApplied(t, started.ID, 60)
	require.NoError(t, postgres.Immediate())
	answer, err := c.try(request{method: http.MethodGet, path: base + "/bulk-jobs/" + started.ID})
	require.NoError(t, err)
	assert.Equal(t, http.StatusServiceUnavailable, answer.status)
	require.NoError(t, postgres.Restart(context.Background()))
	c.awaitApplied(t, started.ID, 80)
	ended := c.awaitJob(t, started.ID)

	assert.Equal(t, len(ids), ended.Total)
	assert.Equal(t, len(ids), ended.Applied)
	assert.Empty(t, ended.Skipped)
	for _, id := range ids {
		c.awaitStatus(t, id, success)
		assert.Len(t, c.attempts(t, id), 2, "one attempt before the job and one after it")
		assert.GreaterOrEqual(t, len(hook.of(id)), 2)
	}
}

// awaitApplied waits until a job has requeued so many deliveries. The API may be unavailable meanwhile.
func (c *client) awaitApplied(t *testing.T, id string, wanted int) {
	t.Helper()
	eventually(t, "the job goes on", func() bool {
		answer, err := c.try(request{method: http.MethodGet, path: base + "/bulk-jobs/" + id})
		if err != nil || answer.status != http.StatusOK {
			return false
		}
		now, err := read[job](answer)
		require.NoError(t, err)
		return now.Applied >= wanted
	})
}
