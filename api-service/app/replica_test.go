package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/pkg/store/postgres"
	"redrive/pkg/store/storetest"
	"redrive/pkg/testservers"
)

// A caller that has not written reads from the replica. Without the replica the service is degraded and ready, and every call is answered.
func TestServiceWithReplicaReadsThereWhileItFollows(t *testing.T) {
	primary, err := testservers.StartPostgres(testservers.PostgresOptions{Replicated: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, primary.Close()) })
	standby, err := testservers.StartStandby(primary, testservers.PostgresOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, standby.Close()) })
	opened, err := postgres.Open(postgres.Options{URL: primary.URL(), ReplicaURL: standby.URL(), MaxConnections: 8}, storetest.Sealer(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, opened.Close()) })
	storetest.Migrated(t, opened)

	service := started(t, options(opened, openRedis(t, testservers.Redis(t))))
	becomes(t, service, 200, "ok")
	key := newKey(t, opened)
	assert.Equal(t, 200, list(t, service, key))
	assert.Equal(t, uint64(1), opened.ReplicaCounts().Replica)

	conn, reader := beginPublishing(t, service, key)
	_, err = conn.Write([]byte(event))
	require.NoError(t, err)
	status, _ := readResponse(t, reader)
	require.Equal(t, 200, status)
	assert.Equal(t, 200, list(t, service, key))
	assert.Equal(t, uint64(1), opened.ReplicaCounts().Replica, "the caller has just written")
	assert.Equal(t, 200, list(t, service, newKey(t, opened)))
	assert.Equal(t, uint64(2), opened.ReplicaCounts().Replica, "another caller")

	require.NoError(t, standby.Kill())
	becomes(t, service, 200, "degraded")
	assert.Equal(t, 200, list(t, service, newKey(t, opened)))
	_, metrics, err := get(t, service.OpsAddr(), "/metrics", "")
	require.NoError(t, err)
	assert.Contains(t, metrics, `redrive_database_replica_reads_total{by="replica"} 2`)
	assert.True(t, strings.Contains(metrics, "redrive_database_replica_staleness_seconds "))

	require.NoError(t, standby.Restart(t.Context()))
	becomes(t, service, 200, "ok")
}
